"""Readers of maps that training reads: distance maps and the maps of stage one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from fuzz.mutations.chance import Chance, Mutation
from fuzz.mutations.raw_bytes import damaged_bytes
from fuzz.reader import Reader
from fuzz.volume_readers import SHAPE, digest, labels
from nnunet_cscn.cascade.maps import MapProvenance, StageOneMaps
from nnunet_cscn.data.distance_maps import DistanceMaps
from nnunet_cscn.errors import UserError

PROVENANCE = MapProvenance(2, "ab" * 32, "cd" * 32, (2, *SHAPE))


def damaged_map(name: str, content: bytes, chance: Chance) -> Mutation:
    """Damage the bytes, or change a voxel, type or shape of the stored array and keep its metadata."""
    if chance.random() < 0.7:
        return damaged_bytes(content, chance)
    stored: Any = blosc2.ndarray_from_cframe(content, copy=True)
    frame = stored.schunk
    notes = {key: frame.vlmeta[key] for key in frame.vlmeta}
    voxels, how = stored[:], chance.choice(("voxel", "type", "shape", "notes"))
    if how == "voxel":
        voxels.flat[chance.randrange(voxels.size)] += 1
    elif how == "type":
        voxels = voxels.astype(chance.choice(("f8", "i2", "f4")))
    elif how == "shape":
        voxels = chance.choice((voxels[..., 1:], voxels[0], voxels.reshape(-1)))
    else:
        notes = {key: chance.choice((None, [], "x", {"fold": 1}, 3)) for key in notes}
    made: Any = blosc2.asarray(np.ascontiguousarray(voxels))
    frame = made.schunk
    for key, value in notes.items():
        frame.vlmeta[key] = value
    return Mutation(made.to_cframe(), f"map: {how}")


def _distance_maps(folder: Path) -> DistanceMaps:
    return DistanceMaps(folder / "maps", (3.0, 0.6, 0.5), (0, 1, 2), regions=None, ignore_label=None, edge="background")


def _write_distance_maps(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    layout = dict.fromkeys(("chunks", "chunks_seg"), (1, 4, 8, 8))
    layout |= dict.fromkeys(("blocks", "blocks_seg"), (1, 2, 4, 4))
    image = np.zeros((1, *SHAPE), np.float32)
    segmentation = labels()[None].astype(np.int16)
    nnUNetDatasetBlosc2.save_case(image, segmentation, {"spacing": (3.0, 0.6, 0.5)}, str(data / "a"), **layout)
    _read_distance_maps(folder)


def _read_distance_maps(folder: Path) -> Any:
    maps = _distance_maps(folder)
    maps.prepare(nnUNetDatasetBlosc2(str(folder / "data")), n_threads=1)
    return digest(np.asarray(maps.load("a")[:]))


def _write_stage_one(folder: Path) -> None:
    values = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    StageOneMaps(folder).store("a", values, PROVENANCE)


def _read_stage_one(folder: Path) -> Any:
    maps = StageOneMaps(folder)
    if problem := maps.problem("a", PROVENANCE):
        raise UserError(problem)
    return digest(np.asarray(maps.load("a")[:]))


READERS = (
    Reader("distance maps", _write_distance_maps, _read_distance_maps, "always", "maps/", damaged_map),
    Reader("maps of stage one", _write_stage_one, _read_stage_one, "always", "", damaged_map),
)
