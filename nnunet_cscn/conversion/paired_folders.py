"""Cases of a data set that has a folder of images and a folder of labels with the same file names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from nnunet_cscn.conversion.pipeline import LoadedCase, SourceCase
from nnunet_cscn.conversion.raw_dataset import FILE_ENDING, DatasetDescription
from nnunet_cscn.conversion.source_volumes import as_labels, read_volume
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import grid_differences

# The second of each is what the Medical Segmentation Decathlon's archives hold.
_IMAGE_FOLDERS = ("images", "imagesTr")
_LABEL_FOLDERS = ("labels", "labelsTr")


def find_cases(source: Path, description: DatasetDescription) -> list[SourceCase]:
    """List the cases of a data set, sorted by name; each is a patient of its own.

    Args:
        source: The folder with ``images`` and ``labels`` (or ``imagesTr`` and ``labelsTr``).
        description: What the data set is.

    Returns:
        The cases; one that lacks its image or its labels says so when it is loaded.

    Raises:
        UserError: When a folder is missing or holds no image.
    """
    images = _files_of(_subfolder(source, _IMAGE_FOLDERS))
    labels = _files_of(_subfolder(source, _LABEL_FOLDERS))
    if not images:
        raise UserError(f"{_subfolder(source, _IMAGE_FOLDERS)} holds no {FILE_ENDING} file")
    values = tuple(value for _, value in description.labels)
    cases = []
    load: Callable[[], LoadedCase]
    for name in sorted({*images, *labels}):
        if name not in labels:
            load = partial(_refuse, "has an image and no labels")
        elif name not in images:
            load = partial(_refuse, "has labels and no image")
        else:
            load = partial(_load, images[name], labels[name], values)
        cases.append(SourceCase(name, name, load))
    return cases


def _load(image_file: Path, labels_file: Path, values: tuple[int, ...]) -> LoadedCase:
    image, labels = read_volume(image_file), read_volume(labels_file)
    if differences := grid_differences(labels.grid, image.grid, "the image"):
        raise UserError("; ".join(f"the labels have {difference}" for difference in differences))
    return LoadedCase([image.voxels], as_labels(labels, values, "the label map"), image.grid)


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
