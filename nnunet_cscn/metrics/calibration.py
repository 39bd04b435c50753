"""Compare probabilities with a reference: expected calibration error, Brier score, and the DSC at any threshold.

All of these can be computed from two histograms of the probabilities: of all voxels, and of the voxels of the
reference. So each case is read once, and only its histograms with 256 levels are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.metrics.masks import Mask, common_bounding_box

N_LEVELS = 256
N_BINS = 15
MARGIN_MM = 10.0

Counts: TypeAlias = NDArray[np.int64]
Levels: TypeAlias = NDArray[np.uint8]

_PROBABILITIES = np.arange(N_LEVELS) / (N_LEVELS - 1)


class Bin(NamedTuple):
    """Voxels of similar probability.

    Attributes:
        n: How many there are.
        probability: Their mean probability; nan where there is none.
        share: The share of them that lies in the reference; nan where there is none.
    """

    n: int
    probability: float
    share: float


@dataclass(frozen=True)
class LevelCounts:
    """How many voxels have each level of probability.

    Attributes:
        voxels: For each of the 256 levels, the number of voxels.
        reference: For each of them, how many of these lie in the reference.

    Example:
        Of four voxels with a probability of 0.6 (level 153), three lie in the reference.

        >>> levels, reference = np.full((1, 1, 4), 153, dtype=np.uint8), np.array([[[True, True, True, False]]])
        >>> counts = LevelCounts.from_case(levels, reference)
        >>> round(counts.expected_calibration_error, 3), round(counts.brier_score, 3)
        (0.15, 0.21)
        >>> round(counts.dsc(0.5), 3), counts.dsc(0.7)
        (0.857, 0.0)
    """

    voxels: Counts
    reference: Counts

    @classmethod
    def from_case(cls, levels: Levels, reference: Mask) -> LevelCounts:
        """Count a case.

        Args:
            levels: Probabilities in steps of 1/255, any shape.
            reference: Mask of the reference, of the same shape.
        """
        return cls(
            np.bincount(levels.ravel(), minlength=N_LEVELS),
            np.bincount(levels[reference].ravel(), minlength=N_LEVELS),
        )

    def __add__(self, other: LevelCounts) -> LevelCounts:
        return LevelCounts(self.voxels + other.voxels, self.reference + other.reference)

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The voxels in 15 bins of equal width, as in a reliability diagram."""
        number = np.minimum(np.arange(N_LEVELS) * N_BINS // (N_LEVELS - 1), N_BINS - 1)
        found = []
        for index in range(N_BINS):
            inside = number == index
            n = int(self.voxels[inside].sum())
            mean = float(self.voxels[inside] @ _PROBABILITIES[inside]) / n if n else math.nan
            share = float(self.reference[inside].sum()) / n if n else math.nan
            found.append(Bin(n, mean, share))
        return tuple(found)

    @property
    def expected_calibration_error(self) -> float:
        """The mean distance between probability and share, weighted by the voxels of each bin; nan without voxels.

        Guo et al. 2017 (arXiv:1706.04599), Eq. 3, for the probability of one label: 15 bins of equal width.
        """
        total = int(self.voxels.sum())
        if not total:
            return math.nan
        return sum(each.n * abs(each.probability - each.share) for each in self.bins if each.n) / total

    @property
    def brier_score(self) -> float:
        """The mean square of the difference between the probability and the reference (0 or 1); nan without voxels."""
        total = int(self.voxels.sum())
        if not total:
            return math.nan
        outside = self.voxels - self.reference
        square = self.reference @ (1 - _PROBABILITIES) ** 2 + outside @ _PROBABILITIES**2
        return float(square) / total

    def dsc(self, threshold: float) -> float:
        """Return the DSC of the voxels whose probability is at least ``threshold``; nan when both masks are empty."""
        first = math.ceil(threshold * (N_LEVELS - 1) - 1e-9)
        both = int(self.reference[first:].sum())
        size = int(self.voxels[first:].sum()) + int(self.reference.sum())
        return 2 * both / size if size else math.nan


def neighbourhood(levels: Levels, reference: Mask, spacing_mm: Sequence[float]) -> tuple[slice, ...] | None:
    """Return the box around the reference and the prediction, 10 mm wider on each side.

    Far from a tumour, every network is certain and correct. Over a whole image, the calibration error would mainly
    measure how much air is around the patient.

    Args:
        levels: Probabilities in steps of 1/255, (Z, Y, X).
        reference: Mask of the reference, of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X).

    Returns:
        The box. None if the reference is empty and no probability reaches 0.5.
    """
    box = common_bounding_box(levels >= N_LEVELS // 2, reference)
    if box is None:
        return None
    return tuple(
        slice(max(0, side.start - math.ceil(MARGIN_MM / step)), side.stop + math.ceil(MARGIN_MM / step))
        for side, step in zip(box, spacing_mm, strict=True)
    )
