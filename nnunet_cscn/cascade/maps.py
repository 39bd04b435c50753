"""The stored maps: one file a case, each with the key of what it was made from."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.data.channels import Volume
from nnunet_cscn.files import replacing

FORMAT = 1  # raise when maps made by an older version are no longer right
_ORIGIN, _VOXELS = "origin", "voxels_sha256"

# What blosc2 raises for files that are absent or damaged, wherever the damage is.
_UNREADABLE = (FileNotFoundError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)


@dataclass(frozen=True)
class Origin:
    """What a map was made from.

    Attributes:
        fold: The fold whose network made it; it was not trained on the case.
        checkpoint_sha256: Hash of that network's checkpoint.
        image_sha256: Hash of the preprocessed image.
        shape: Shape of the map, (C, Z, Y, X).
        format: Version of the maps' format.
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
    def from_json(cls, content: dict[str, Any]) -> Origin:
        """Read what ``to_json`` gave."""
        return cls(**{**content, "shape": tuple(content["shape"])})


@dataclass(frozen=True)
class StageOneMaps:
    """The maps of one stage one.

    Attributes:
        folder: Where they are kept. Never nnU-Net's own data folder: it takes every file there for a case.
    """

    folder: Path

    def load(self, case: str) -> Volume:
        """Open the map of ``case``, (C, Z, Y, X) foreground probabilities as float16, without reading it."""
        opened: Volume = blosc2.open(urlpath=str(self.file(case)), mode="r", dparams={"nthreads": 1})
        return opened

    def file(self, case: str) -> Path:
        """Return where the map of ``case`` is kept."""
        return self.folder / f"{case}.b2nd"

    def store(self, case: str, probabilities: NDArray[Any], origin: Origin) -> None:
        """Write a map, whole or not at all.

        Args:
            case: The case's name.
            probabilities: Foreground probabilities, (C, Z, Y, X).
            origin: What they were made from.

        Raises:
            ValueError: When they are none: nan, or outside of 0 to 1.
        """
        voxels = np.ascontiguousarray(probabilities, dtype=np.float16)
        if not np.all((voxels >= 0) & (voxels <= 1)):  # nan is neither
            raise ValueError(f"{case}: the values are no probabilities")
        with replacing(self.file(case)) as temporary:
            stored: Any = blosc2.asarray(
                voxels,
                urlpath=str(temporary),
                cparams={"codec": blosc2.Codec.ZSTD, "clevel": 5, "nthreads": 1},
            )
            frame = stored.schunk  # kept by a name of its own: its metadata die with it
            frame.vlmeta[_ORIGIN] = origin.to_json()
            frame.vlmeta[_VOXELS] = voxel_hash(voxels)

    def origin(self, case: str) -> Origin | None:
        """Return what the stored map was made from; None where there is none or it is damaged."""
        try:
            stored: Any = blosc2.open(urlpath=str(self.file(case)), mode="r")
            frame = stored.schunk
            return Origin.from_json(frame.vlmeta[_ORIGIN])
        except _UNREADABLE:
            return None

    def fault(self, case: str, expected: Origin) -> str | None:
        """Say what is wrong with a stored map; None where it is whole and of the expected origin."""
        if not self.file(case).is_file():
            return "has no map"
        origin = self.origin(case)
        if origin is None:
            return "its map is truncated or damaged"
        if origin != expected:
            return "its map was made by a different network or from a different image"
        return None if self._is_whole(case, expected.shape) else "its map is truncated or damaged"

    def _is_whole(self, case: str, shape: tuple[int, ...]) -> bool:
        try:
            stored: Any = self.load(case)
            frame, voxels = stored.schunk, np.asarray(stored[:])
            return voxels.shape == shape and voxel_hash(voxels) == frame.vlmeta[_VOXELS]
        except _UNREADABLE:
            return False


def voxel_hash(image: Any) -> str:
    """Return the SHA-256 of an array, such as a preprocessed image as nnU-Net's data set opens it."""
    voxels = np.ascontiguousarray(image[:])
    return hashlib.sha256(repr((voxels.shape, str(voxels.dtype))).encode() + voxels.tobytes()).hexdigest()
