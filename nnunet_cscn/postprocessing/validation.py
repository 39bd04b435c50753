"""The validation cases by which postprocessing is chosen: of all folds of a model, or of one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.cases import label_files
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.probabilities import Probabilities, open_probabilities
from nnunet_cscn.stats.held_out import random_folds
from nnunet_cscn.texts import counted

VALIDATION = "validation"


@dataclass(frozen=True)
class ValidationCase:
    """One case.

    Attributes:
        prediction: Its predicted label map.
        fold: The fold that it belongs to in the cross-validation of the choice.
        folder: The folder that its prediction lies in.
    """

    prediction: Path
    fold: int
    folder: Path


def validation_folders(folder: Path) -> dict[int, Path]:
    """Return the folder of validation predictions of each fold of a model; none for another folder."""
    found = {}
    for fold in folder.glob("fold_*"):
        if (match := re.fullmatch(r"fold_(\d+)", fold.name)) and (fold / VALIDATION).is_dir():
            found[int(match.group(1))] = fold / VALIDATION
    return dict(sorted(found.items()))


def validation_cases(folder: Path) -> dict[str, ValidationCase]:
    """Return the cases of a model's folds, or of a folder of predictions.

    Args:
        folder: A model's folder with ``fold_0/validation`` and so on, whose folds are kept apart in the
            cross-validation; or a folder of predicted label maps, whose cases are put into folds at random. One fold
            alone is taken for such a folder.

    Raises:
        ArgumentError: If the folder is missing, or a case is in two folds.
        UserError: If it holds no label maps.
    """
    if not folder.is_dir():
        raise ArgumentError("validation", f"folder not found: {folder}")
    folders = validation_folders(folder) or {0: folder}
    found: dict[str, ValidationCase] = {}
    for fold, place in folders.items():
        for case, file in label_files(place).items():
            if case in found:
                raise ArgumentError("validation", f"case {case} is in fold {found[case].fold} and in fold {fold}")
            found[case] = ValidationCase(file, fold, place)
    if len(folders) > 1:
        return found
    numbers = random_folds(len(found))
    return {
        case: ValidationCase(each.prediction, fold, each.folder)
        for (case, each), fold in zip(sorted(found.items()), numbers, strict=True)
    }


def probabilities_by_case(
    folder: Path, cases: Mapping[str, ValidationCase], labels: EvaluatedLabels
) -> dict[str, Probabilities]:
    """Return the source of the probabilities of each case.

    Args:
        folder: A model's folder whose validation was written with ``--npz``, or a folder as in ``open_probabilities``.
        cases: The cases.
        labels: The labels.

    Raises:
        ArgumentError: If cases have none.
    """
    places = validation_folders(folder)
    if places:
        opened = {place: open_probabilities(place, labels) for place in places.values()}
        found = {case: opened[each.folder] for case, each in cases.items() if each.folder in opened}
    else:
        found = dict.fromkeys(cases, open_probabilities(folder, labels))
    if lacking := [case for case in cases if case not in found or not found[case].has(case)]:
        raise ArgumentError(
            "probabilities", f"{folder} has no probabilities of {counted(len(lacking), 'case')}, such as {lacking[0]}"
        )
    return found
