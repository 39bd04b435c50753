"""Several observers of the same cases: how far they agree, with each other and with their consensus."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.aggregate import LabelAggregate, aggregate
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.evaluation.cases import check_cases, refuse
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.volumes import label_mask, label_values
from nnunet_cscn.metrics.catalogue import metrics, scores_to_json
from nnunet_cscn.metrics.consensus import majority, staple
from nnunet_cscn.metrics.masks import Mask
from nnunet_cscn.metrics.scores import LabelScores, score_masks
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume

CONSENSUS: Mapping[str, Callable[[Sequence[Mask]], Mask]] = {"STAPLE": staple, "majority": majority}

Pair = tuple[str, str]


@dataclass(frozen=True)
class Agreement:
    """How far two readings of the same cases agree in one label.

    Attributes:
        first: Name of the first reading: an observer, or the model.
        second: Name of the second: another one, or a consensus of the observers.
        label: The label.
        cases: The scores of each case, the second reading being the reference.
    """

    first: str
    second: str
    label: str
    cases: Mapping[str, LabelScores]

    @property
    def aggregate(self) -> LabelAggregate:
        """What all cases together say."""
        return aggregate(list(self.cases.values()))

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        shown = metrics()
        return {
            "first": self.first,
            "second": self.second,
            "label": self.label,
            "aggregate": self.aggregate.to_json(),
            "cases": {case: scores_to_json(score, shown) for case, score in self.cases.items()},
        }


def compare_observers(
    observers: Mapping[str, Path],
    *,
    model: tuple[str, Path] | None = None,
    labels: EvaluatedLabels | None = None,
    consensus_folder: Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> list[Agreement]:
    """Compare every pair of observers, and each of them and the model with the observers' consensus.

    Args:
        observers: Folder of label maps of each observer, by name.
        model: Name and folder of a model's predictions, which take no part in the consensus.
        labels: What to evaluate. None for every value above 0 that any file holds.
        consensus_folder: Where the consensus of each case is written, in a folder for each kind; None for nowhere.
            Cases that are good are written there even when others turn out bad.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        For each label the pairs of observers, the model with each observer, and all of them with each consensus.

    Raises:
        UserError: When there are fewer than two observers, cases do not pair up, grids differ, or files are no label
            maps; all such cases are listed. When the consensus of regions is to be written, which overlap.
    """
    if len(observers) < 2:
        raise UserError("give the folders of two or more observers")
    if consensus_folder is not None and labels is not None and any(len(v) > 1 for v in labels.values.values()):
        raise UserError("the consensus of regions can't be written: they overlap; give labels, one value each")
    readers = {**observers, **({model[0]: model[1]} if model is not None else {})}
    first, *others = readers.values()
    checked = [check_cases(other, first) for other in others]
    refuse({case: reason for each in checked for case, reason in each.problems.items()})
    files = {case.name: [case.reference] for case in checked[0].cases}
    for each in checked:
        for case in each.cases:
            files[case.name].append(case.prediction)
    grids = checked[0].grids
    names = list(readers)
    work = {
        case: partial(_case, case, paths, names, len(observers), grids[case], labels, consensus_folder)
        for case, paths in files.items()
    }
    found, problems = each_case(work, workers=workers, on_progress=on_progress)
    refuse(problems)
    present = {label for by_label in found.values() for label in by_label}
    if not present:
        raise UserError("no observer has marked anything in any case: there is nothing to compare")
    order = labels.values if labels is not None else EvaluatedLabels.from_values(int(name) for name in present).values
    pairs = next(list(scores) for by_label in found.values() for scores in by_label.values())
    return [
        Agreement(*pair, label, {case: found[case].get(label, {}).get(pair, LabelScores()) for case in sorted(found)})
        for label in order
        for pair in pairs
    ]


def _case(
    case: str,
    paths: Sequence[Path],
    names: Sequence[str],
    n_observers: int,
    grid: Grid,
    labels: EvaluatedLabels | None,
    consensus_folder: Path | None,
) -> dict[str, dict[Pair, LabelScores]]:
    volumes = []
    for name, path in zip(names, paths, strict=True):
        try:
            volumes.append(read_voxels(path))
        except UserError as fault:
            raise UserError(f"{name}: {fault}") from None
    values = set[int]().union(*(label_values(name, v, labels) for name, v in zip(names, volumes, strict=True)))
    evaluated = labels if labels is not None else EvaluatedLabels.from_values(values)
    ignored: NDArray[np.bool_] | None = None
    if evaluated.ignore is not None and evaluated.ignore in values:
        ignored = np.logical_or.reduce([volume == evaluated.ignore for volume in volumes])
    scores: dict[str, dict[Pair, LabelScores]] = {}
    agreements: dict[str, Mapping[str, Mask]] = {}
    for label, wanted in evaluated.values.items():
        masks = {name: label_mask(volume, wanted) for name, volume in zip(names, volumes, strict=True)}
        if ignored is not None:
            masks = {name: mask & ~ignored for name, mask in masks.items()}
        agreed = {name: consensus(list(masks.values())[:n_observers]) for name, consensus in CONSENSUS.items()}
        scores[label] = _pairs(masks, agreed, grid.spacing_mm[::-1], ignored)
        if consensus_folder is not None:
            agreements[label] = agreed
    if consensus_folder is not None:
        unknown = np.logical_or.reduce([volume == evaluated.ignore for volume in volumes[:n_observers]])
        for kind in CONSENSUS:
            masks = {label: agreed[kind] for label, agreed in agreements.items()}
            write_volume(consensus_folder / kind / f"{case}.nii.gz", _label_map(masks, evaluated, unknown), grid)
    return scores


def _label_map(masks: Mapping[str, Mask], labels: EvaluatedLabels, ignored: Mask) -> NDArray[Any]:
    """Put masks into one map, the first label on top; what an observer ignores stays ignored."""
    merged = np.zeros(ignored.shape, np.min_scalar_type(max(labels.known)))
    for label in reversed(list(masks)):
        merged[masks[label]] = labels.values[label][0]
    if labels.ignore is not None:
        merged[ignored] = labels.ignore
    return merged


def _pairs(
    masks: Mapping[str, Mask], agreed: Mapping[str, Mask], spacing_mm: Sequence[float], ignored: Mask | None
) -> dict[Pair, LabelScores]:
    everybody = {**masks, **agreed}
    pairs = [*itertools.combinations(masks, 2), *itertools.product(masks, agreed)]
    return {
        (first, second): score_masks(everybody[first], everybody[second], spacing_mm, ignored=ignored)
        for first, second in pairs
    }
