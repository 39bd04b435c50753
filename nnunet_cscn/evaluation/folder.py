"""Evaluate a folder of predictions against a folder of references."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.aggregate import LabelAggregate, aggregate
from nnunet_cscn.evaluation.cases import common_grids, find_cases, refuse
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.scores import LabelScores
from nnunet_cscn.evaluation.volumes import score_files


@dataclass(frozen=True)
class FolderScores:
    """The scores of a folder.

    Attributes:
        cases: For each case, by name, the scores of each label. Every case has every label, in the same order.
    """

    cases: Mapping[str, Mapping[str, LabelScores]]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' names."""
        return tuple(next(iter(self.cases.values()), {}))

    @cached_property
    def aggregate(self) -> Mapping[str, LabelAggregate]:
        """What all cases together say about each label."""
        return {label: aggregate([scores[label] for scores in self.cases.values()]) for label in self.labels}

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file: nan as None, infinity as "inf".

        Example:
            >>> content = FolderScores({"case_1": {"tumour": LabelScores()}}).to_json()
            >>> content["cases"]["case_1"]["tumour"]["dsc"], content["aggregate"]["tumour"]["n_both_empty"]
            (None, 1)
        """
        return {
            "cases": {
                case: {label: score.to_json() for label, score in scores.items()} for case, scores in self.cases.items()
            },
            "aggregate": {label: together.to_json() for label, together in self.aggregate.items()},
        }


def evaluate_folders(
    predictions: Path,
    references: Path,
    *,
    labels: EvaluatedLabels | None = None,
    num_processes: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> FolderScores:
    """Score every label of every case of two folders of NIfTI files.

    All pairs are checked before the first metric is computed. Each file's voxels are read once, and no more than
    ``num_processes`` cases are in memory at a time.

    Args:
        predictions: Folder of predicted label maps, ``<case>.nii.gz`` or ``<case>.nii``; other files are passed over.
        references: Folder of the reference label maps, with the same names.
        labels: What to evaluate. None for every value above 0 that any file holds.
        num_processes: Cases evaluated at the same time, in threads: unpacking, numpy and the KD-tree run outside
            Python's lock. None for one on each available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The scores. A label that is in neither file of a case has the scores of two empty masks there.

    Raises:
        UserError: When a folder is missing, cases do not pair up, grids differ, or files are not whole label maps;
            all such cases are listed.
        ValueError: When ``num_processes`` is below 1.

    Example:
        Half of a reference of two voxels is found.

        >>> import tempfile, numpy, SimpleITK
        >>> folder = Path(tempfile.mkdtemp())
        >>> for role, voxels in (("predictions", [1, 0, 0]), ("references", [1, 1, 0])):
        ...     (folder / role).mkdir()
        ...     image = SimpleITK.GetImageFromArray(numpy.array([[voxels]], dtype=numpy.uint8))
        ...     SimpleITK.WriteImage(image, str(folder / role / "case_1.nii.gz"))
        >>> scores = evaluate_folders(folder / "predictions", folder / "references")
        >>> scores.cases["case_1"]["1"].counts.recall, scores.aggregate["1"].n
        (0.5, 1)
    """
    at_once = _available_processors() if num_processes is None else num_processes
    if at_once < 1:
        raise ValueError(f"num_processes: expected a number from 1 on, got {num_processes}")
    cases = find_cases(predictions, references)
    grids = common_grids(cases)
    scores: dict[str, dict[str, LabelScores]] = {}
    problems: dict[str, str] = {}
    executor = ThreadPoolExecutor(min(at_once, len(cases)))
    try:
        futures = {
            executor.submit(
                score_files, case.prediction, case.reference, grids[case.name].spacing_mm[::-1], labels=labels
            ): case.name
            for case in cases
        }
        for done, future in enumerate(as_completed(futures), start=1):
            try:
                scores[futures[future]] = future.result()
            except UserError as fault:
                problems[futures[future]] = str(fault)
            if on_progress is not None:
                on_progress(done, len(cases))
    finally:
        executor.shutdown(cancel_futures=True)
    refuse(problems)
    names = labels.values if labels is not None else _values_by_name(scores)
    return FolderScores(
        {case.name: {name: scores[case.name].get(name, LabelScores()) for name in names} for case in cases}
    )


def _values_by_name(scores: Mapping[str, Mapping[str, LabelScores]]) -> Mapping[str, tuple[int, ...]]:
    """The labels that any case holds, by ascending value."""
    return EvaluatedLabels.from_values(int(name) for found in scores.values() for name in found).values


def _available_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
