"""The stored stage-one maps: one file per case, with a record of how it was made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.data.channels import Volume
from nnunet_cscn.data.stored_volumes import is_whole, note_of, open_volume, store_volume

FORMAT = 1  # increase this when maps of older versions are no longer valid
_PROVENANCE = "origin"


@dataclass(frozen=True)
class MapProvenance:
    """How a map was made.

    Attributes:
        fold: Fold of the network that made the map; this network was not trained on the case.
        checkpoint_sha256: Hash of the checkpoint of this network.
        image_sha256: Hash of the preprocessed image.
        shape: Shape of the map, (C, Z, Y, X).
        format: Version of the file format.
    """

    fold: int
    checkpoint_sha256: str
    image_sha256: str
    shape: tuple[int, ...]
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return the content for a JSON file."""
        return {**asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> MapProvenance:
        """Read the result of ``to_json``.

        Raises:
            KeyError: If an entry is missing.
            TypeError: If one has another type, or is unknown.
        """
        made = cls(**{**content, "shape": tuple(content["shape"])})
        texts, numbers = (made.checkpoint_sha256, made.image_sha256), (made.fold, made.format, *made.shape)
        if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
            raise TypeError("hashes are text, fold, format and shape are integers")
        return made


@dataclass(frozen=True)
class StageOneMaps:
    """The stored probability maps of one stage one.

    Attributes:
        folder: Folder of the maps. It must not be nnU-Net's own data folder, where every file counts as a case.
    """

    folder: Path

    def load(self, case: str) -> Volume:
        """Open the map of ``case``, (C, Z, Y, X) foreground probabilities as float16, without reading it."""
        opened: Volume = open_volume(self.file(case))
        return opened

    def file(self, case: str) -> Path:
        """Return the file of the map of ``case``."""
        return self.folder / f"{case}.b2nd"

    def store(self, case: str, probabilities: NDArray[Any], provenance: MapProvenance) -> None:
        """Write a map. An interruption leaves no partial file.

        Args:
            case: The case's name.
            probabilities: Foreground probabilities, (C, Z, Y, X).
            provenance: How they were made.

        Raises:
            ValueError: If a value is nan or outside of 0 to 1.
        """
        voxels = np.ascontiguousarray(probabilities, dtype=np.float16)
        if not np.all((voxels >= 0) & (voxels <= 1)):  # also false for nan
            raise ValueError(f"{case}: the values are no probabilities")
        store_volume(self.file(case), voxels, {_PROVENANCE: provenance.to_json()}, blosc2.Codec.ZSTD)

    def provenance(self, case: str) -> MapProvenance | None:
        """Return how the stored map was made; None if there is no map or it is damaged."""
        try:
            return MapProvenance.from_json(note_of(self.file(case), _PROVENANCE))
        except (KeyError, TypeError, ValueError):
            return None

    def problem(self, case: str, expected: MapProvenance) -> str | None:
        """Return what is wrong with a stored map; None if it is complete and has the expected provenance."""
        if not self.file(case).is_file():
            return "has no map"
        provenance = self.provenance(case)
        if provenance is None:
            return "its map is truncated or damaged"
        if provenance != expected:
            return "its map was made by a different network or from a different image"
        return None if is_whole(self.file(case), expected.shape) else "its map is truncated or damaged"
