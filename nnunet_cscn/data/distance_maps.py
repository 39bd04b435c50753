"""Distance maps of all training cases. They are stored on disk and computed again when the labels change, or a file is
damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.data.channels import Volume
from nnunet_cscn.data.distance import distance_to_border, distance_to_region_borders, excess_weight
from nnunet_cscn.data.stored_volumes import is_whole, note_of, open_volume, store_volume
from nnunet_cscn.nnunet.datasets import nnUNetBaseDataset
from nnunet_cscn.settings.loss import Edge

FORMAT = 1  # increase this when maps of older versions are no longer valid
_KEY = "labels"


@dataclass(frozen=True)
class DistanceMaps:
    """The distance maps of one preprocessed configuration.

    Attributes:
        folder: Folder of the maps. It must not be nnU-Net's own data folder, where every file counts as a case.
        target_spacing_mm: Spacing of the configuration. A 2D configuration has two numbers; its slices keep their
            distance.
        transpose_forward: Axis order of the plan.
        regions: Labels of each region; None for ordinary labels.
        ignore_label: Label of voxels with unknown class; None if there is none.
        edge: Voxels with distance 0 (see ``distance_to_border``).
        cap_mm: Upper limit of the distance, in mm; None for no limit.
        normalised: Whether alpha is divided by its mean inside each label (see ``excess_weight``).
    """

    folder: Path
    target_spacing_mm: tuple[float, ...]
    transpose_forward: tuple[int, ...]
    regions: tuple[int | tuple[int, ...], ...] | None
    ignore_label: int | None
    edge: Edge
    cap_mm: float | None = None
    normalised: bool = False

    @property
    def n_channels(self) -> int:
        """Number of maps per case: one per region, or one for ordinary labels."""
        return 1 if self.regions is None else len(self.regions)

    def load(self, case: str) -> Volume:
        """Open the map of ``case``, (C, Z, Y, X), without reading it. It holds alpha - 1: mm, unless normalised."""
        opened: Volume = open_volume(self._file(case))
        return opened

    def prepare(self, cases: nnUNetBaseDataset, *, n_threads: int) -> int:
        """Compute the maps that are missing, damaged, or do not belong to the present labels and settings.

        Args:
            cases: The preprocessed cases.
            n_threads: Number of cases computed in parallel.

        Returns:
            Number of computed maps.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(max_workers=max(1, n_threads)) as pool:
            jobs = [pool.submit(self._prepare_case, cases, case) for case in cases.identifiers]
            return sum(job.result() for job in as_completed(jobs))

    def _file(self, case: str) -> Path:
        return self.folder / f"{case}.b2nd"

    def _prepare_case(self, cases: nnUNetBaseDataset, case: str) -> bool:
        image, segmentation, _, properties = cases.load_case(case)
        labels = np.asarray(segmentation[:])[0].astype(np.int16)
        labels[labels < 0] = 0  # nnU-Net uses -1 outside the non-zero region
        spacing_mm = self._spacing_mm(properties["spacing"])
        key = self._key(labels, spacing_mm)
        if note_of(self._file(case), _KEY) == key and is_whole(self._file(case), (self.n_channels, *labels.shape)):
            return False
        distance = self._compute(labels, spacing_mm)
        chunks = (1, *image.chunks[1:]) if hasattr(image, "chunks") else None
        blocks = (1, *image.blocks[1:]) if hasattr(image, "blocks") else None
        store_volume(self._file(case), distance, {_KEY: key}, blosc2.Codec.LZ4HC, chunks=chunks, blocks=blocks)
        return True

    def _compute(self, labels: NDArray[np.int16], spacing_mm: Sequence[float]) -> NDArray[np.float32]:
        if self.regions is None:
            distance = distance_to_border(labels, spacing_mm, ignore_label=self.ignore_label, edge=self.edge)
            values = (value for value in np.unique(labels) if value not in (0, self.ignore_label))
            return self._weights(distance, [labels == value for value in values])[None]
        distances = distance_to_region_borders(
            labels, self.regions, spacing_mm, ignore_label=self.ignore_label, edge=self.edge
        )
        pairs = zip(distances, self.regions, strict=True)
        return np.stack([self._weights(distance, [np.isin(labels, region)]) for distance, region in pairs])

    def _weights(self, distance: NDArray[np.float32], insides: list[NDArray[np.bool_]]) -> NDArray[np.float32]:
        return excess_weight(distance, insides, cap_mm=self.cap_mm, normalised=self.normalised)

    def _spacing_mm(self, original: Sequence[float]) -> tuple[float, ...]:
        transposed = [float(original[axis]) for axis in self.transpose_forward]
        return (*transposed[: len(transposed) - len(self.target_spacing_mm)], *self.target_spacing_mm)

    def _key(self, labels: NDArray[np.int16], spacing_mm: Sequence[float]) -> str:
        """Return a hash of everything the map depends on."""
        made_from: tuple[Any, ...] = (
            FORMAT, labels.shape, tuple(spacing_mm), self.regions, self.ignore_label, self.edge
        )  # fmt: skip
        if self.cap_mm is not None or self.normalised:
            made_from = (*made_from, self.cap_mm, self.normalised)
        return hashlib.sha256(repr(made_from).encode() + labels.tobytes()).hexdigest()
