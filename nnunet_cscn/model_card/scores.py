"""Validation scores with intervals, of all folds together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.cases import CaseFiles, check_pairs
from nnunet_cscn.evaluation.folder import evaluate_cases
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.formats.endings import files_by_case
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.model_card.facts import ModelFacts
from nnunet_cscn.stats.paired import FEWEST_FOR_INTERVAL, bootstrap_interval

SHOWN = ("dsc", "precision", "recall", "assd_mm", "hd95_mm", "nsd_2mm")


@dataclass(frozen=True)
class Score:
    """The mean of one metric over the validation cases.

    Attributes:
        label: The label.
        metric: The metric's heading.
        n: Cases with a finite value.
        n_left_out: Other cases: both masks empty, or an infinite distance.
        mean: Mean.
        low: Lower end of the 95 % bootstrap interval over the cases; nan for fewer than three.
        high: Upper end.
        digits: Decimals that are shown.
    """

    label: str
    metric: str
    n: int
    n_left_out: int
    mean: float
    low: float
    high: float
    digits: int

    @classmethod
    def from_values(cls, label: str, metric: str, values: Sequence[float], *, digits: int) -> Score:
        """Put the values of all cases together."""
        finite = np.asarray([value for value in values if math.isfinite(value)])
        low, high = bootstrap_interval(finite) if finite.size >= FEWEST_FOR_INTERVAL else (math.nan, math.nan)
        mean = float(finite.mean()) if finite.size else math.nan
        return cls(label, metric, finite.size, len(values) - finite.size, mean, low, high, digits)


def dice_scores(facts: ModelFacts) -> list[Score]:
    """Return the Dice of each label, as nnU-Net measured it in the validation of all folds.

    The fold ``all`` is left out: it was validated on cases that it was trained on.
    """
    values: dict[str, list[float]] = {}
    for fold in facts.folds:
        for label, found in fold.dice.items() if fold.fold.isdecimal() else ():
            values.setdefault(label, []).extend(found)
    return [Score.from_values(label, "DSC", found, digits=3) for label, found in values.items()]


def measured_scores(folder: Path, facts: ModelFacts, references: Path, *, workers: int | None = None) -> list[Score]:
    """Measure the validation cases of all folds with this package's metrics.

    Args:
        folder: The model's folder.
        facts: The facts from that folder.
        references: Folder of the reference label maps.
        workers: Number of cases at the same time. None for one per available processor.

    Raises:
        ArgumentError: If no fold has been validated.
        UserError: If cases have no reference, lie on another grid or cannot be read.
    """
    description = folder / "dataset.json"
    reader = reader_for(description, folder)
    predictions: dict[str, Path] = {}
    for fold in facts.folds:
        place = folder / f"fold_{fold.fold}" / "validation"
        if fold.fold.isdecimal() and place.is_dir():
            predictions |= files_by_case(place, endings=reader.endings)
    if not predictions:
        raise ArgumentError("folder", f"{folder} has no validation cases: validate a fold (`nnUNetv2_train ... --val`)")
    known: Mapping[str, Path] = files_by_case(references, endings=reader.endings)
    pairs = [CaseFiles(case, file, known[case]) for case, file in sorted(predictions.items()) if case in known]
    problems = {case: f"without a reference in {references}" for case in predictions if case not in known}
    checked = check_pairs(pairs, problems, reader=reader)
    scores = evaluate_cases(checked, labels=read_labels(description), workers=workers)
    shown = [metric for metric in scores.metrics if metric.key in SHOWN]
    return [
        Score.from_values(
            label,
            metric.heading,
            [metric.value_for_mean(by_label[label]) for by_label in scores.cases.values()],
            digits=metric.digits,
        )
        for label in scores.labels
        for metric in shown
    ]
