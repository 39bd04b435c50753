"""All scores of one label in one case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nnunet_cscn.metrics.contour import added_path_length_mm
from nnunet_cscn.metrics.lesions import count_lesions
from nnunet_cscn.metrics.masks import checked_pair, checked_spacing, common_box, grown
from nnunet_cscn.metrics.overlap import OverlapCounts, count_overlap
from nnunet_cscn.metrics.surface import surface_distances

DEFAULT_TOLERANCES_MM = (1.0, 2.0, 3.0)

JsonNumber: TypeAlias = "float | str | None"


@dataclass(frozen=True)
class LabelScores:
    """Scores of one label in one case. The defaults are those of two empty masks.

    Attributes:
        counts: The voxels, from which come DSC, IoU, precision, recall and F1.
        assd_mm: Average symmetric surface distance: nan when both masks are empty, infinity when one is.
        hd95_mm: 95th percentile of the surface distances: nan and infinity likewise.
        hd_mm: Largest surface distance: nan and infinity likewise.
        nsd: Normalised surface Dice at each tolerance (mm): nan when both masks are empty, 0 when one is.
        apl_mm: Added path length: nan when both masks are empty.
        lesions: Lesions found, invented and missed.
        voxel_ml: Volume of a voxel.
        n_voxels: Voxels of the volume that take part.
    """

    counts: OverlapCounts = field(default_factory=OverlapCounts)
    assd_mm: float = math.nan
    hd95_mm: float = math.nan
    hd_mm: float = math.nan
    nsd: Mapping[float, float] = field(default_factory=dict)
    apl_mm: float = math.nan
    lesions: OverlapCounts = field(default_factory=OverlapCounts)
    voxel_ml: float = 0.0
    n_voxels: int = 0

    @property
    def volume_ml(self) -> float:
        """Volume of the prediction."""
        return (self.counts.true_positive + self.counts.false_positive) * self.voxel_ml

    @property
    def reference_volume_ml(self) -> float:
        """Volume of the reference."""
        return (self.counts.true_positive + self.counts.false_negative) * self.voxel_ml

    @property
    def has_one_empty(self) -> bool:
        """Whether exactly one of the masks is empty, so that there is no distance."""
        return self.counts.prediction_is_empty != self.counts.reference_is_empty

    def with_distances(self, distance_mm: float) -> LabelScores:
        """Return the scores with the infinite distances replaced."""
        if not self.has_one_empty:
            return self
        return replace(self, assd_mm=distance_mm, hd95_mm=distance_mm, hd_mm=distance_mm)


def score_masks(
    prediction: ArrayLike,
    reference: ArrayLike,
    spacing_mm: Sequence[float],
    *,
    ignored: ArrayLike | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    in_plane: bool = False,
) -> LabelScores:
    """Compare a predicted mask with its reference.

    Args:
        prediction: Binary mask, shape (Z, Y, X).
        reference: Binary mask of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).
        ignored: Voxels that take no part, a binary mask of the same shape: they are in neither mask, and a face
            towards one of them is no surface.
        tolerances_mm: Tolerances of the surface Dice.
        in_plane: Whether surfaces are the contours of each slice, as in flat images.

    Returns:
        The scores. Both masks empty: nan, volumes and counts 0. One empty: DSC, F1, IoU and NSD 0, distances infinite,
        precision nan (prediction empty) or recall nan (reference empty).

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, a mask is not binary, or the spacing is not
            three finite positive numbers.

    Example:
        A cube of 4 voxels a side against itself one voxel further along z.

        >>> reference, prediction = np.zeros((8, 6, 6), dtype=bool), np.zeros((8, 6, 6), dtype=bool)
        >>> reference[1:5, 1:5, 1:5] = prediction[2:6, 1:5, 1:5] = True
        >>> scores = score_masks(prediction, reference, (3.0, 1.0, 1.0))
        >>> scores.counts.dsc, scores.hd95_mm, scores.volume_ml
        (0.75, 3.0, 0.192)
    """
    spacing = checked_spacing(spacing_mm)
    first, second = checked_pair(prediction, reference, ignored)
    n_voxels = first.size - (0 if ignored is None else int(np.count_nonzero(ignored)))
    empty = LabelScores(voxel_ml=math.prod(spacing) / 1000, n_voxels=n_voxels)
    box = common_box(first, second)
    if box is None:
        return empty
    hidden = None
    if ignored is not None:
        box = grown(box, first.shape)
        hidden = np.asarray(ignored)[box]
    first, second = np.ascontiguousarray(first[box]), np.ascontiguousarray(second[box])
    distances = surface_distances(first, second, spacing, ignored=hidden, in_plane=in_plane)
    return replace(
        empty,
        counts=count_overlap(first, second),
        assd_mm=distances.assd_mm,
        hd95_mm=distances.hd95_mm,
        hd_mm=distances.hd_mm,
        nsd={tolerance: distances.nsd(tolerance) for tolerance in tolerances_mm},
        apl_mm=added_path_length_mm(first, second, spacing, ignored=hidden),
        lesions=count_lesions(first, second),
    )


def json_number(value: float) -> JsonNumber:
    """Return ``value`` as JSON can hold it: nan as None, infinity as "inf".

    Example:
        >>> json_number(0.5), json_number(math.nan), json_number(math.inf)
        (0.5, None, 'inf')
    """
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else value
