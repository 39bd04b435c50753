"""Find the cases of a folder with subfolders for images and labels, whose files have the same names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from numpy.typing import NDArray

from nnunet_cscn.conversion.label_values import as_labels, unchanged
from nnunet_cscn.conversion.raw_dataset import FILE_ENDING, DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import notes_of, read_volume
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.volume import Volume, differences
from nnunet_cscn.nifti.grids import Grid

# The second name of each is that of the Medical Segmentation Decathlon.
_IMAGE_FOLDERS = ("images", "imagesTr")
_LABEL_FOLDERS = ("labels", "labelsTr")
_WITH_CHANNEL = re.compile(r"(.+)(_\d{4})")


def is_paired(source: Path) -> bool:
    """Tell whether a folder has a subfolder for images or for labels."""
    return any((source / name).is_dir() for name in (*_IMAGE_FOLDERS, *_LABEL_FOLDERS))


def find_cases(source: Path, description: DatasetDescription) -> list[SourceCase]:
    """List the cases of a data set, sorted by name. Each case counts as one patient.

    An image has the same name as its labels. If there are several channels, nnU-Net's channel number follows the name:
    ``images/A_0000.nii.gz`` and ``images/A_0001.nii.gz`` belong to ``labels/A.nii.gz``.

    Args:
        source: The folder with ``images`` and ``labels`` (or ``imagesTr`` and ``labelsTr``).
        description: The description of the data set.

    Returns:
        The cases. If a channel or the labels of a case are missing, loading it raises an error.

    Raises:
        UserError: When a folder is missing or contains no image.
    """
    channels = _channel_of_suffix(description)
    images = _by_case(_files_of(_subfolder(source, _IMAGE_FOLDERS)), has_suffixes=len(channels) > 1)
    labels = _files_of(_subfolder(source, _LABEL_FOLDERS))
    if not images:
        raise UserError(f"{_subfolder(source, _IMAGE_FOLDERS)} contains no {FILE_ENDING} files")
    values = tuple(value for _, value in description.labels)
    cases = []
    load: Callable[[], LoadedCase]
    for name in sorted({*images, *labels}):
        if name not in labels:
            load = partial(_refuse, "has an image but no labels")
        elif name not in images:
            load = partial(_refuse, "has labels and no image")
        elif fault := _fault_of(name, images[name], channels):
            load = partial(_refuse, fault)
        else:
            files = {suffix: images[name][suffix] for suffix in channels}
            load = partial(_load, files, labels[name], values, channels)
        cases.append(SourceCase(name, name, load))
    return cases


def _channel_of_suffix(description: DatasetDescription) -> dict[str, str]:
    """Return the name of each channel by the suffix of its files. A single channel has no suffix."""
    names = description.channel_names
    return {f"_{number:04d}": name for number, name in enumerate(names)} if len(names) > 1 else {"": names[0]}


def _by_case(files: Mapping[str, Path], *, has_suffixes: bool) -> dict[str, dict[str, Path]]:
    """Return the files of each case by their suffix. A file without a suffix becomes a case, which is refused later."""
    cases = defaultdict[str, dict[str, Path]](dict)
    for stem, file in files.items():
        parts = _WITH_CHANNEL.fullmatch(stem) if has_suffixes else None
        name, suffix = parts.groups() if parts else (stem, "")
        cases[name][suffix] = file
    return dict(cases)


def _fault_of(name: str, files: Mapping[str, Path], channels: Mapping[str, str]) -> str:
    """Return the reason why the files are not one for each channel; empty if they are."""
    expected = {suffix: f"{name}{suffix}{FILE_ENDING}" for suffix in channels}
    if foreign := [file.name for suffix, file in sorted(files.items()) if suffix not in expected]:
        return f"has {', '.join(foreign)}; expected only {', '.join(expected.values())}"
    lacking = [f"{expected[suffix]} ({channel})" for suffix, channel in channels.items() if suffix not in files]
    return f"lacks {', '.join(lacking)}" if lacking else ""


def _load(
    image_files: Mapping[str, Path], labels_file: Path, values: tuple[int, ...], channels: Mapping[str, str]
) -> LoadedCase:
    images = {suffix: read_volume(file) for suffix, file in image_files.items()}
    labels, first = read_volume(labels_file), next(iter(images))
    grid = images[first].grid
    faults = [
        f"{channels[suffix]} has {difference}"
        for suffix, image in images.items()
        for difference in differences(image.grid, grid, channels[first])
    ]
    faults += [f"the labels have {difference}" for difference in differences(labels.grid, grid, "the image")]
    if faults:
        raise UserError("; ".join(faults))
    voxels, changes = as_labels(_in_order(labels, grid), unchanged(values), "the label map")
    notes = [*notes_of(images[first], "the image"), *changes]
    return LoadedCase([_in_order(image, grid) for image in images.values()], voxels, grid, tuple(notes))


def _in_order(volume: Volume, grid: Grid) -> NDArray[Any]:
    voxels = volume.on(grid)
    assert voxels is not None  # its grid has been compared
    return voxels


def _refuse(reason: str) -> NoReturn:
    raise UserError(reason)


def _subfolder(source: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (source / name).is_dir():
            return source / name
    raise UserError(f"{source}: expected a folder with {' or '.join(names)} in it, found {_content_of(source)}")


def _content_of(source: Path) -> str:
    if not source.is_dir():
        return "no folder"
    names = sorted(entry.name for entry in source.iterdir() if not entry.name.startswith("."))
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "nothing"


def _files_of(folder: Path) -> dict[str, Path]:
    return {file.name.removesuffix(FILE_ENDING): file for file in folder.glob(f"[!.]*{FILE_ENDING}")}
