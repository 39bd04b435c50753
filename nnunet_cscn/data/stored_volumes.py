"""Volumes stored for training, in nnU-Net's format, each with a hash of its voxels and notes on its origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.files import replacing

_VOXELS = "voxels_sha256"


def open_volume(file: Path) -> Any:
    """Open a stored volume, which is read in the parts that are asked for."""
    return blosc2.open(urlpath=str(file), mode="r", dparams={"nthreads": 1})


def store_volume(file: Path, voxels: NDArray[Any], notes: Mapping[str, Any], codec: Any, **layout: Any) -> None:
    """Write a volume. An interruption leaves no incomplete file.

    Args:
        file: The file.
        voxels: The voxels.
        notes: What the volume was made from, by name.
        codec: blosc2's codec.
        layout: blosc2's ``chunks`` and ``blocks``.
    """
    with replacing(file) as temporary:
        stored: Any = blosc2.asarray(
            voxels, urlpath=str(temporary), cparams={"codec": codec, "clevel": 5, "nthreads": 1}, **layout
        )
        frame = stored.schunk  # the metadata are lost when no variable refers to schunk
        for name, note in {**notes, _VOXELS: voxel_hash(voxels)}.items():
            frame.vlmeta[name] = note


def note_of(file: Path, name: str) -> Any:
    """Return a note of a stored volume; None if there is none, or the file is missing or damaged."""
    try:
        stored = open_volume(file)
        frame = stored.schunk
        return frame.vlmeta[name]
    except Exception:  # a damaged file can raise any exception in blosc2
        return None


def is_whole(file: Path, shape: tuple[int, ...]) -> bool:
    """Return whether a stored volume has a shape and the voxels that were written."""
    try:
        stored = open_volume(file)
        if tuple(stored.shape) != shape:  # before its voxels are read: a damaged header may announce any number
            return False
        frame, voxels = stored.schunk, np.asarray(stored[:])
        return bool(voxel_hash(voxels) == frame.vlmeta[_VOXELS])
    except Exception:  # as above
        return False


def voxel_hash(image: Any) -> str:
    """Return the SHA-256 of an array, such as a preprocessed image as nnU-Net's data set opens it."""
    voxels = np.ascontiguousarray(image[:])
    return hashlib.sha256(repr((voxels.shape, str(voxels.dtype))).encode() + voxels.tobytes()).hexdigest()
