"""Choose a postprocessing by validation cases, and apply it to predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.evaluation.cases import label_files, raise_problems
from nnunet_cscn.evaluation.labels import EvaluatedLabels, read_labels
from nnunet_cscn.evaluation.probabilities import Probabilities, open_probabilities
from nnunet_cscn.files import check_output_folder, write_json
from nnunet_cscn.formats.endings import files_by_case
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.postprocessing.files import Postprocessing, is_nnunets, read_postprocessing, write_postprocessing
from nnunet_cscn.postprocessing.steps import apply_steps
from nnunet_cscn.postprocessing.tuning import TunedLabel, tune
from nnunet_cscn.postprocessing.validation import probabilities_by_case, validation_cases

APPLIED = "postprocessing_applied.json"
PICKLE = ".pkl"  # of the file for nnU-Net beside the JSON file


@dataclass(frozen=True)
class TunedPostprocessing:
    """A postprocessing that was chosen.

    Attributes:
        labels: What was found for each label.
        file: Where it was written.
        pickle: The file for ``nnUNetv2_apply_postprocessing``; None if nnU-Net cannot do all of it.
        n_folds: Number of folds in which the gains were measured.
    """

    labels: tuple[TunedLabel, ...]
    file: Path
    pickle: Path | None
    n_folds: int

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        return {
            "file": str(self.file),
            "pickle": None if self.pickle is None else str(self.pickle),
            "n_folds": self.n_folds,
            "labels": [each.to_json() for each in self.labels],
        }


def tune_postprocessing(
    validation: str | Path,
    references: str | Path,
    out: str | Path,
    *,
    dataset_json: str | Path | None = None,
    probabilities: str | Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> TunedPostprocessing:
    """Choose the postprocessing of each label by validation cases.

    For every label, all combinations of filling holes, removing small components or keeping the largest one (and of
    thresholds, with probabilities) are tried. The one with the largest mean DSC is used if the 95 % interval of its
    gain in held-out cases is above 0: for every fold, the choice is made on the other folds and measured on that fold.

    Args:
        validation: A model's folder with ``fold_0/validation`` and so on; or a folder of predictions of validation
            cases.
        references: Folder of the reference label maps.
        out: The JSON file to write. If nnU-Net can do the same, a file for ``nnUNetv2_apply_postprocessing`` is
            written beside it, with the ending ``.pkl``.
        dataset_json: nnU-Net's dataset.json; None to take that of the model's folder.
        probabilities: Folder of probability maps or of ``CASE.npz``, or the model's folder where its validation was
            written with ``--npz``; None to try no thresholds.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases.

    Raises:
        ArgumentError: If an argument does not fit, or the model is one of regions.
        UserError: If cases have no reference, lie on another grid or cannot be read; all of them are listed.
    """
    folder, target = Path(validation), Path(out)
    if target.is_dir() or target.suffix == PICKLE:
        raise ArgumentError("out", f"expected the name of a JSON file such as postprocessing.json, got {out}")
    cases = validation_cases(folder)
    labels = _labels(folder, dataset_json)
    maps = None if probabilities is None else probabilities_by_case(Path(probabilities), cases, labels)
    tuned = tune(
        cases,
        files_by_case(Path(references)),
        labels,
        probabilities=maps,
        workers=workers,
        on_progress=on_progress,
    )
    n_folds = len({case.fold for case in cases.values()})
    write_postprocessing(target, tuned, {"n_cases": len(cases), "n_folds": n_folds})
    pickle = target.with_suffix(PICKLE)
    if not is_nnunets(tuned):
        pickle.unlink(missing_ok=True)  # that of an earlier choice
        return TunedPostprocessing(tuple(tuned), target, None, n_folds)
    from nnunet_cscn.nnunet.postprocessing import write_pickle

    write_pickle(pickle, [each.value for each in tuned if each.is_adopted])
    return TunedPostprocessing(tuple(tuned), target, pickle, n_folds)


@dataclass(frozen=True)
class ChangedCase:
    """The changes of one label in one case.

    Attributes:
        removed_ml: Volume that was removed from the label.
        added_ml: Volume that was added to it.
    """

    removed_ml: float
    added_ml: float


def apply_postprocessing(
    predictions: str | Path,
    postprocessing: str | Path,
    out: str | Path,
    *,
    probabilities: str | Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Mapping[str, ChangedCase]]:
    """Apply a postprocessing to a folder of predictions.

    Args:
        predictions: Folder of predicted label maps, NIfTI.
        postprocessing: The file of ``tune_postprocessing``, or nnU-Net's ``postprocessing.json``.
        out: Folder for the results. ``postprocessing_applied.json`` there says what was changed.
        probabilities: Folder of probability maps, where the postprocessing has thresholds.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases.

    Returns:
        What was changed, by case and label.

    Raises:
        ArgumentError: If ``out`` is the folder of the predictions, or probabilities are needed and missing.
        UserError: If files cannot be read; all such cases are listed.
    """
    source, target = Path(predictions), Path(out)
    wanted = read_postprocessing(Path(postprocessing))
    files = label_files(source)
    if target.resolve() == source.resolve():
        raise ArgumentError("out", "expected another folder than that of the predictions, which stay as they are")
    check_output_folder(target)
    maps = None
    if wanted.needs_probabilities:
        if probabilities is None:
            raise ArgumentError("probabilities", f"{postprocessing} has thresholds: give the folder of the maps")
        values = {each.name: each.values for each in wanted.labels}
        known = frozenset({0}.union(*values.values()))
        maps = open_probabilities(Path(probabilities), EvaluatedLabels(values, None, known))
    work = {case: partial(_apply, case, file, target, wanted, maps) for case, file in files.items()}
    changed, problems = process_cases(work, workers=workers, on_progress=on_progress)
    raise_problems(problems)
    content = {case: {label: vars(found) for label, found in by_label.items()} for case, by_label in changed.items()}
    steps = {each.name: each.steps.to_json() for each in wanted.labels}
    write_json(target / APPLIED, {"steps": steps, "cases": content})
    return dict(changed)


def _apply(
    case: str, file: Path, target: Path, wanted: Postprocessing, maps: Probabilities | None
) -> Mapping[str, ChangedCase]:
    grid, before = read_grid(file), read_voxels(file)
    voxel_ml = math.prod(grid.spacing_mm) / 1000
    levels = None
    if maps is not None:
        if not maps.has(case):
            raise UserError("without probabilities")
        levels = maps.read(case, grid)
    after = before
    for group in [[each] for each in wanted.labels] if wanted.is_sequential else [list(wanted.labels)]:
        after = apply_steps(after, group, voxel_ml=voxel_ml, probabilities=levels)
    write_volume(target / file.name, after, grid)
    found = {}
    for each in wanted.labels:
        one, two = np.isin(before, each.values), np.isin(after, each.values)
        removed, added = int((one & ~two).sum()), int((two & ~one).sum())
        found[each.name] = ChangedCase(removed * voxel_ml, added * voxel_ml)
    return found


def _labels(folder: Path, dataset_json: str | Path | None) -> EvaluatedLabels:
    file = folder / "dataset.json" if dataset_json is None else Path(dataset_json)
    if not file.is_file():
        raise ArgumentError("dataset_json", f"file not found: {file}; give the dataset.json of the model")
    return read_labels(file)
