"""Evaluate a folder of predictions against a folder of references."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.aggregate import LabelAggregate, aggregate
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.evaluation.cases import CaseFiles, CheckedCases, check_cases, raise_problems
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.volumes import score_files
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import VolumeReader
from nnunet_cscn.metrics.catalogue import Metric, metrics, scores_to_json
from nnunet_cscn.metrics.empty_masks import EmptyDistance
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, LabelScores
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class FolderScores:
    """The scores of a folder.

    Attributes:
        cases: For each case, the scores of each label. Every case has every label, in the same order.
        metrics: The metrics that tables and files contain.
        label_values: The voxel values of each label or region.
        files: The files of each case.
        skipped: For each case without scores, the reason.
        empty_distance: The surface distance if exactly one mask is empty: infinity, or the diagonal of the volume.
        ignore: The value of the ignore label in the reference, or None.
        grid_notes: Notes on grids that are not exactly those of the files.
        reader: Reads the files.
    """

    cases: Mapping[str, Mapping[str, LabelScores]]
    metrics: tuple[Metric, ...] = field(default_factory=metrics)
    label_values: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    files: Mapping[str, CaseFiles] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    empty_distance: EmptyDistance = "infinite"
    ignore: int | None = None
    grid_notes: tuple[str, ...] = ()
    reader: VolumeReader = BY_CONTENT

    @property
    def notes(self) -> list[str]:
        """Notes and warnings that readers of the scores should see."""
        return [*self.grid_notes, *self._no_common_label()]

    def _no_common_label(self) -> list[str]:
        """A warning if the folders have no label in common, such as masks of 0 and 1 against masks of 0 and 255."""
        counts = [(label, score.counts) for scores in self.cases.values() for label, score in scores.items()]
        predicted = dict.fromkeys(label for label, count in counts if not count.prediction_is_empty)
        referenced = dict.fromkeys(label for label, count in counts if not count.reference_is_empty)
        if not predicted or not referenced or predicted.keys() & referenced.keys():
            return []
        return [
            f"the folders have no label in common: the predictions contain {', '.join(predicted)}, the references "
            f"{', '.join(referenced)}. If these are the same labels, give them the same values in both folders"
        ]

    def __repr__(self) -> str:
        return f"FolderScores({self.summary})"

    @property
    def summary(self) -> str:
        """The number of cases and the names of the labels, in a few words.

        Example:
            >>> FolderScores({"case_1": {"GTVp": LabelScores(), "GTVn": LabelScores()}})
            FolderScores(1 case, labels: GTVp, GTVn)
        """
        n_cases = len(self.cases)
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"{counted(n_cases, 'case')}{skipped}, labels: {', '.join(self.labels) or 'none'}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(next(iter(self.cases.values()), {}))

    @cached_property
    def aggregate(self) -> Mapping[str, LabelAggregate]:
        """The scores of each label, aggregated over all cases."""
        return {
            label: aggregate([scores[label] for scores in self.cases.values()], self.metrics) for label in self.labels
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table with one row for each case and label."""
        return ("case", "label", *(metric.key for metric in self.metrics))

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row for each case and label, with the same columns as the CSV file. Undefined values are nan.

        Example:
            >>> from nnunet_cscn.metrics.overlap import OverlapCounts
            >>> table = FolderScores({"case_1": {"tumour": LabelScores(OverlapCounts(true_positive=3))}}).to_dataframe()
            >>> table["case"].tolist(), table["label"].tolist(), table["dsc"].tolist()
            (['case_1'], ['tumour'], [1.0])
        """
        import pandas

        rows = [
            (case, label, *(metric.value(score) for metric in self.metrics))
            for case, by_label in self.cases.items()
            for label, score in by_label.items()
        ]
        return pandas.DataFrame(rows, columns=list(self.columns))

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file, with nan as None and infinity as "inf".

        Example:
            >>> content = FolderScores({"case_1": {"tumour": LabelScores()}}).to_json()
            >>> content["cases"]["case_1"]["tumour"]["dsc"], content["aggregate"]["tumour"]["n_both_empty"]
            (None, 1)
        """
        return {
            "cases": {
                case: {label: scores_to_json(score, self.metrics) for label, score in scores.items()}
                for case, scores in self.cases.items()
            },
            "aggregate": {label: together.to_json() for label, together in self.aggregate.items()},
            "skipped": dict(self.skipped),
            "notes": self.notes,
            "distance_where_one_mask_is_empty": self.empty_distance,
            "definitions": {metric.key: metric.definition for metric in self.metrics},
        }


def score_folders(
    predictions: Path,
    references: Path,
    *,
    labels: EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    empty_distance: EmptyDistance = "infinite",
    skip_bad: bool = False,
    workers: int | None = None,
    reader: VolumeReader = BY_CONTENT,
    on_progress: OnProgress | None = None,
) -> FolderScores:
    """Score every label of every case of two folders.

    All pairs and grids are checked before the first metric is computed. The voxels of each file are read once. At most
    ``workers`` cases are in memory at the same time.

    Args:
        predictions: Folder of predicted label maps, such as ``<case>.nii.gz``. Other files are ignored.
        references: Folder of the reference label maps, with the same names.
        labels: The labels to evaluate. None for every value above 0 in the files.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        empty_distance: The surface distance to report if exactly one mask is empty: infinity, or the diagonal of the
            volume in mm.
        skip_bad: Exclude cases that cannot be evaluated, instead of raising an error.
        workers: Number of cases at the same time. None for one per available processor.
        reader: Reads the files.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The scores. If a label is in neither file of a case, this case has the scores of two empty masks.

    Raises:
        UserError: When a folder is missing, a case has only one file, grids differ, or a file is not a complete label
            map. The message lists all such cases. With ``skip_bad`` only when no case is left.
        ArgumentError: When ``workers`` is below 1, a tolerance is negative, or ``empty_distance`` is unknown.

    Example:
        The reference has two voxels and the prediction contains one of them.

        >>> import tempfile, numpy, SimpleITK
        >>> folder = Path(tempfile.mkdtemp())
        >>> for role, voxels in (("predictions", [1, 0, 0]), ("references", [1, 1, 0])):
        ...     (folder / role).mkdir()
        ...     image = SimpleITK.GetImageFromArray(numpy.array([[voxels]], dtype=numpy.uint8))
        ...     SimpleITK.WriteImage(image, str(folder / role / "case_1.nii.gz"))
        >>> scores = score_folders(folder / "predictions", folder / "references")
        >>> scores.cases["case_1"]["1"].counts.recall, scores.aggregate["1"].n
        (0.5, 1)
    """
    return evaluate_cases(
        check_cases(predictions, references, reader=reader),
        labels=labels,
        tolerances_mm=tolerances_mm,
        empty_distance=empty_distance,
        skip_bad=skip_bad,
        workers=workers,
        on_progress=on_progress,
    )


def evaluate_cases(
    checked: CheckedCases,
    *,
    labels: EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    empty_distance: EmptyDistance = "infinite",
    skip_bad: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> FolderScores:
    """Score every label of cases whose files may be in any folder.

    Args:
        checked: The cases.
        labels: As in ``score_folders``. The other arguments too.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        empty_distance: The surface distance if exactly one mask is empty.
        skip_bad: Exclude cases that cannot be evaluated.
        workers: Number of cases at the same time.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Raises:
        UserError: As ``score_folders`` does.
        ArgumentError: As ``score_folders`` does.
    """
    check_tolerances(tolerances_mm)
    if empty_distance not in get_args(EmptyDistance):
        raise ArgumentError("empty_distance", f"expected {' or '.join(get_args(EmptyDistance))}, got {empty_distance}")
    problems = dict(checked.problems)
    if not skip_bad:
        raise_problems(problems)
    score = partial(score_files, labels=labels, tolerances_mm=tolerances_mm, reader=checked.reader)
    work = {
        case.name: partial(score, case.prediction, case.reference, checked.grids[case.name].spacing_mm[::-1])
        for case in checked.cases
    }
    scores, bad = process_cases(work, workers=workers, on_progress=on_progress)
    problems |= bad
    if not skip_bad or not scores:
        raise_problems(problems)
    names = labels.values if labels is not None else _values_by_name(scores)
    cases: dict[str, Mapping[str, LabelScores]] = {}
    for case in sorted(scores):
        grid = checked.grids[case]
        empty = LabelScores(voxel_ml=math.prod(grid.spacing_mm) / 1000, n_voxels=math.prod(grid.shape))
        found = {name: scores[case].get(name, empty) for name in names}
        if empty_distance == "diagonal":
            diagonal_mm = math.hypot(*(n * step for n, step in zip(grid.shape, grid.spacing_mm, strict=True)))
            found = {name: score.with_distances(diagonal_mm) for name, score in found.items()}
        cases[case] = found
    return FolderScores(
        cases=cases,
        metrics=metrics(tolerances_mm),
        label_values=names,
        files={case.name: case for case in checked.cases if case.name in cases},
        skipped=dict(sorted(problems.items())),
        empty_distance=empty_distance,
        ignore=labels.ignore if labels is not None else None,
        grid_notes=tuple(checked.notes()),
        reader=checked.reader,
    )


def check_tolerances(tolerances_mm: Sequence[float]) -> None:
    """Check that the tolerances of the surface Dice are distances.

    Raises:
        ArgumentError: When one is negative, nan or infinite.
    """
    if any(not (math.isfinite(tolerance) and tolerance >= 0) for tolerance in tolerances_mm):
        raise ArgumentError("tolerances_mm", f"expected numbers of 0 or more, got {tolerances_mm}")


def _values_by_name(scores: Mapping[str, Mapping[str, LabelScores]]) -> Mapping[str, tuple[int, ...]]:
    """The labels that occur in any case, by ascending value."""
    return EvaluatedLabels.from_values(int(name) for found in scores.values() for name in found).values
