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
from nnunet_cscn.metrics.masks import checked_pair, checked_spacing, common_bounding_box, grow_box
from nnunet_cscn.metrics.overlap import OverlapCounts, count_overlap
from nnunet_cscn.metrics.surface import surface_distances

DEFAULT_TOLERANCES_MM = (1.0, 2.0, 3.0)

JsonNumber: TypeAlias = "float | str | None"


@dataclass(frozen=True)
class LabelScores:
    """Scores of one label in one case. The default values are those of two empty masks.

    Attributes:
        counts: Voxel counts. DSC, IoU, precision, recall and F1 are computed from them.
        assd_mm: Average symmetric surface distance. Infinity if one mask is empty, nan if both are empty.
        hd95_mm: 95th percentile of the surface distances. Infinity and nan as for ``assd_mm``.
        hd_mm: Largest surface distance. Infinity and nan as for ``assd_mm``.
        nsd: Normalised surface Dice at each tolerance (mm). 0 if one mask is empty, nan if both are empty.
        apl_mm: Added path length. nan if both masks are empty.
        lesions: Numbers of lesions: detected, falsely detected and missed.
        voxel_ml: Volume of one voxel in ml.
        n_voxels: Number of voxels of the volume, without ignored voxels.
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
        """Volume of the prediction in ml."""
        return (self.counts.true_positive + self.counts.false_positive) * self.voxel_ml

    @property
    def reference_volume_ml(self) -> float:
        """Volume of the reference in ml."""
        return (self.counts.true_positive + self.counts.false_negative) * self.voxel_ml

    @property
    def has_one_empty(self) -> bool:
        """Whether exactly one mask is empty, so that distances are infinite."""
        return self.counts.prediction_is_empty != self.counts.reference_is_empty

    def with_distances(self, distance_mm: float) -> LabelScores:
        """Return the scores with infinite distances replaced by ``distance_mm``."""
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
        ignored: Voxels to exclude, a binary mask of the same shape. They belong to neither mask, and a face towards
            such a voxel is not a surface.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        in_plane: Whether surfaces are the contours of each slice, as for 2D images.

    Returns:
        The scores. If both masks are empty, metrics are nan, and volumes and counts are 0. If one mask is empty, DSC,
        F1, IoU and NSD are 0, distances are infinite, and precision (empty prediction) or recall (empty reference) is
        nan.

    Raises:
        ValueError: When the shapes differ, are not three-dimensional, a mask is not binary, or the spacing is not
            three finite positive numbers.

    Example:
        A cube with edges of 4 voxels, compared with the same cube shifted by one voxel along z.

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
    box = common_bounding_box(first, second)
    if box is None:
        return empty
    hidden = None
    if ignored is not None:
        box = grow_box(box, first.shape)
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
    """Convert ``value`` for a JSON file: nan becomes None, infinity becomes "inf".

    Example:
        >>> json_number(0.5), json_number(math.nan), json_number(math.inf)
        (0.5, None, 'inf')
    """
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else value
