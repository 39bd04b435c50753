"""Read SegRap 2023 and 2025: planning CT of nasopharyngeal carcinoma, with and without contrast, GTVp and GTVnd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.label_values import as_labels, as_mask, unchanged
from nnunet_cscn.conversion.layered_labels import layered_labels
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import mask_on_grid, notes_of, on_grid, read_volume
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.volume import Volume

SEGRAP = DatasetDescription(
    number=923,
    name="SegRap",
    title="Planning CT of nasopharyngeal carcinoma, plain and with contrast, with primary tumour and nodes (SegRap)",
    channel_names=("CT", "CT"),
    labels=(("background", 0), ("GTVp", 1), ("GTVnd", 2)),
    licence="of the challenge, non-commercial: https://segrap2023.grand-challenge.org",
    reference=(
        "Luo X, Fu J, Zhong Y, et al. (2025): SegRap2023: A benchmark of organs-at-risk and gross tumor volume "
        "segmentation for radiotherapy planning of nasopharyngeal carcinoma. Medical Image Analysis 101, 103447. "
        "doi:10.1016/j.media.2024.103447"
    ),
)
_ENDING = ".nii.gz"
_IMAGE, _CONTRAST = f"image{_ENDING}", f"image_contrast{_ENDING}"
_TARGETS = "task002"  # the challenge's second task: GTVp and GTVnd


def find_cases(source: Path, *, resample: bool = False) -> list[SourceCase]:
    """List the cases of the download: one folder for each case, with two images and a mask for each target.

    Instead of masks, there may be label maps of the targets in another folder, ``.../Task002/segrap_0000.nii.gz``.

    Args:
        source: Folder of the download.
        resample: Whether to resample volumes with other grids. Otherwise such a case is an error.

    Raises:
        UserError: When the folder does not exist or contains no case.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    folders = sorted(file.parent for file in source.rglob(_IMAGE) if "__MACOSX" not in file.parts)
    if not folders:
        raise UserError(f"{source}: expected folders such as segrap_0000 with {_IMAGE}, found none")
    targets = _target_files(source)
    return [
        SourceCase(folder.name, folder.name, partial(_load, folder, targets.get(folder.name, []), resample))
        for folder in folders
    ]


def _target_files(source: Path) -> dict[str, list[Path]]:
    """Return, for each case, the files of the targets in separate folders: a file or a folder with the case's name."""
    found = defaultdict[str, list[Path]](list)
    for file in sorted(source.rglob(f"*{_ENDING}")):
        above = [parent.name.casefold() for parent in file.parents]
        if not file.name.startswith(".") and "__macosx" not in above and _TARGETS in above[:2]:
            found[file.name.removesuffix(_ENDING) if above[0] == _TARGETS else file.parent.name].append(file)
    return found


def _load(folder: Path, target_files: list[Path], resample: bool) -> LoadedCase:
    image = read_volume(folder / _IMAGE)
    contrast, note = on_grid(read_volume(folder / _CONTRAST), image.grid, "the image with contrast", resample=resample)
    masks = {name: f"{name}{_ENDING}" for name, _ in SEGRAP.labels[1:]}
    beside = [folder / name for name in masks.values()]
    there = {file.name: file for file in target_files}
    if any(file.exists() for file in beside) or not target_files:
        labels, notes = _from_masks(beside, image, resample)
    elif set(masks.values()) <= set(there):
        labels, notes = _from_masks([there[name] for name in masks.values()], image, resample)
    elif len(target_files) == 1:
        stored, moved = on_grid(
            read_volume(target_files[0]), image.grid, "the label map", resample=resample, labels=True
        )
        labels, changes = as_labels(stored.voxels, unchanged(value for _, value in SEGRAP.labels), "the label map")
        notes = [moved, *changes]
    else:
        raise UserError(f"expected one label map or {' and '.join(masks.values())}, found {', '.join(there)}")
    notes = [*notes_of(image, "the image"), note, *notes]
    return LoadedCase([image.voxels, contrast.voxels], labels, image.grid, tuple(filter(None, notes)))


def _from_masks(files: list[Path], image: Volume, resample: bool) -> tuple[NDArray[np.uint8], list[str]]:
    notes = list[str]()

    def masks() -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
        for file, (name, value) in zip(files, SEGRAP.labels[1:], strict=True):
            stored = read_volume(file)
            foreground, changes = as_mask(stored.voxels, name)
            mask, note = mask_on_grid(Volume(foreground, stored.grid), image.grid, name, resample=resample)
            notes.extend([*notes_of(stored, name), *changes, note])
            yield name, value, mask

    labels, covered = layered_labels(image.voxels.shape, masks())
    return labels, [*notes, *covered]
