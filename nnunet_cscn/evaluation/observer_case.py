"""Score one case that several observers contoured: every pair of segmentations, and each one against the consensus."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.volumes import label_mask, label_values
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import VolumeReader
from nnunet_cscn.metrics.consensus import majority, staple
from nnunet_cscn.metrics.masks import Mask
from nnunet_cscn.metrics.scores import LabelScores, score_masks
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.writing import write_volume

CONSENSUS: Mapping[str, Callable[[Sequence[Mask]], Mask]] = {"STAPLE": staple, "majority": majority}

Pair = tuple[str, str]
CaseScores = Mapping[str, Mapping[Pair, LabelScores]]
"""For each label, the scores of each pair. The second of a pair may be a consensus."""


@dataclass(frozen=True)
class MultiObserverCase:
    """A case with several segmentations.

    Attributes:
        name: The case's name.
        files: The label maps by the name of the observer or model. The observers come first.
        n_observers: Number of observers. Only their label maps contribute to the consensus.
        grid: The grid that all files share.
    """

    name: str
    files: Mapping[str, Path]
    n_observers: int
    grid: Grid


def score_observers(
    case: MultiObserverCase,
    labels: EvaluatedLabels | None,
    consensus_folder: Path | None,
    *,
    reader: VolumeReader = BY_CONTENT,
) -> CaseScores:
    """Score every pair of segmentations of one case, and each segmentation against each consensus of the observers.

    Args:
        case: The case.
        labels: The labels to evaluate. None for every value above 0 in the files.
        consensus_folder: Where to write the label map of each consensus, in one subfolder for each method. None to
            write nothing.
        reader: Reads the files.

    Raises:
        UserError: When a file is incomplete or contains unknown labels.
    """
    volumes = {name: _read(name, file, case.grid, reader) for name, file in case.files.items()}
    values = set[int]().union(*(label_values(name, volume, labels) for name, volume in volumes.items()))
    evaluated = labels if labels is not None else EvaluatedLabels.from_values(values)
    ignored = _ignored(list(volumes.values()), evaluated) if evaluated.ignore in values else None
    scores: dict[str, Mapping[Pair, LabelScores]] = {}
    kept: dict[str, Mapping[str, Mask]] = {}
    for label, wanted in evaluated.values.items():  # one label at a time: the masks of all labels could fill the memory
        masks = _masks(volumes, wanted, ignored)
        agreed = _consensus(list(masks.values())[: case.n_observers])
        scores[label] = _pairs(masks, agreed, case.grid, ignored)
        if consensus_folder is not None:
            kept[label] = agreed
    if consensus_folder is not None:
        unknown = _ignored(list(volumes.values())[: case.n_observers], evaluated)
        _write_consensus(case, kept, evaluated, unknown, consensus_folder)
    return scores


def _read(name: str, file: Path, grid: Grid, reader: VolumeReader) -> NDArray[Any]:
    """Return the voxels of a file in the order of a grid with the same voxels."""
    try:
        volume = reader.read(file)
    except UserError as fault:
        raise UserError(f"{name}: {fault}") from None
    reordered = volume.on(grid)
    return volume.voxels if reordered is None else reordered


def _ignored(volumes: Sequence[NDArray[Any]], labels: EvaluatedLabels) -> Mask:
    """Return the voxels that have the ignore label in any of the files."""
    ignored: Mask = np.logical_or.reduce([volume == labels.ignore for volume in volumes])
    return ignored


def _masks(volumes: Mapping[str, NDArray[Any]], values: Sequence[int], ignored: Mask | None) -> dict[str, Mask]:
    """Return the mask of each segmentation without the ignored voxels."""
    masks = {name: label_mask(volume, values) for name, volume in volumes.items()}
    return masks if ignored is None else {name: mask & ~ignored for name, mask in masks.items()}


def _consensus(masks: Sequence[Mask]) -> dict[str, Mask]:
    return {kind: agree(masks) for kind, agree in CONSENSUS.items()}


def _write_consensus(
    case: MultiObserverCase,
    agreed: Mapping[str, Mapping[str, Mask]],
    labels: EvaluatedLabels,
    ignored: Mask,
    folder: Path,
) -> None:
    for kind in CONSENSUS:
        merged = _label_map({label: by_kind[kind] for label, by_kind in agreed.items()}, labels, ignored)
        write_volume(folder / kind / f"{case.name}.nii.gz", merged, case.grid)


def _label_map(masks: Mapping[str, Mask], labels: EvaluatedLabels, ignored: Mask) -> NDArray[Any]:
    """Combine masks into one label map. The first label is on top; ignored voxels keep the ignore label."""
    merged = np.zeros(ignored.shape, np.min_scalar_type(max(labels.known)))
    for label in reversed(list(masks)):
        merged[masks[label]] = labels.values[label][0]
    if labels.ignore is not None:
        merged[ignored] = labels.ignore
    return merged


def _pairs(
    masks: Mapping[str, Mask], agreed: Mapping[str, Mask], grid: Grid, ignored: Mask | None
) -> dict[Pair, LabelScores]:
    everybody = {**masks, **agreed}
    pairs = [*itertools.combinations(masks, 2), *itertools.product(masks, agreed)]
    return {
        (first, second): score_masks(
            everybody[first], everybody[second], grid.spacing_mm[::-1], ignored=ignored, in_plane=grid.is_flat
        )
        for first, second in pairs
    }
