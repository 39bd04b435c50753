"""nnU-Net's raw format: names of folders and files, and the content of ``dataset.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError

FILE_ENDING = ".nii.gz"
CHANNEL_PATTERNS = "dicom_channels"
"""Key in ``dataset.json`` for how the series of each channel are found in a DICOM study; nnU-Net ignores it."""


@dataclass(frozen=True)
class DatasetDescription:
    """The description of a data set.

    Attributes:
        number: Default number of the data set in nnU-Net.
        name: Name of the data set, the part of the folder name after the number.
        title: One sentence about the images and labels.
        channel_names: Name of each channel. ``CT`` gets CT normalisation, any other name z-score normalisation.
        labels: Name and value of each label, background first.
        licence: Licence of the data.
        reference: Publication to cite.
        channel_patterns: How to find the series of each channel in a DICOM study. None if there are no patterns.
    """

    number: int
    name: str
    title: str
    channel_names: tuple[str, ...]
    labels: tuple[tuple[str, int], ...]
    licence: str
    reference: str
    channel_patterns: Mapping[str, Any] | None = None


def own_dataset(
    number: int, name: str, *, title: str, channel_names: Sequence[str], labels: Mapping[str, int]
) -> DatasetDescription:
    """Return the description of the user's own data set, without licence and reference.

    Args:
        number: Number of the data set in nnU-Net.
        name: Name of the data set.
        title: One sentence about the images and labels.
        channel_names: Name of each channel.
        labels: Value of each label, without the background.

    Raises:
        ArgumentError: When the name has characters that nnU-Net does not allow.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ArgumentError("name", f"expected only letters, digits, - and _, got {name}")
    return DatasetDescription(
        number=number,
        name=name,
        title=title,
        channel_names=tuple(channel_names),
        labels=(("background", 0), *labels.items()),
        licence="",
        reference="",
    )


def folder_name(description: DatasetDescription, dataset_id: int | None = None) -> str:
    """Return the folder name of a data set, such as ``Dataset902_STS``.

    Args:
        description: The data set.
        dataset_id: Another number than its own.

    Raises:
        ArgumentError: When the number is not between 1 and 999.
    """
    number = description.number if dataset_id is None else dataset_id
    if not 1 <= number <= 999:
        raise ArgumentError("dataset_id", f"expected a number from 1 to 999, got {number}")
    return f"Dataset{number:03d}_{description.name}"


def image_path(folder: Path, case: str, channel: int = 0) -> Path:
    """Return the path of an image channel of a case in the raw data set ``folder``."""
    return folder / "imagesTr" / f"{case}_{channel:04d}{FILE_ENDING}"


def label_path(folder: Path, case: str) -> Path:
    """Return the path of the label map of a case in the raw data set ``folder``."""
    return folder / "labelsTr" / f"{case}{FILE_ENDING}"


def has_files(folder: Path, case: str) -> bool:
    """Tell whether a raw data set contains the first channel and the labels of a case."""
    return image_path(folder, case).exists() and label_path(folder, case).exists()


def dataset_json(description: DatasetDescription, *, case_count: int) -> dict[str, Any]:
    """Return the content of nnU-Net's ``dataset.json``."""
    patterns = description.channel_patterns
    return {
        "name": description.name,
        "description": description.title,
        "licence": description.licence,
        "reference": description.reference,
        "channel_names": {str(channel): name for channel, name in enumerate(description.channel_names)},
        "labels": dict(description.labels),
        "numTraining": case_count,
        "file_ending": FILE_ENDING,
        **({} if patterns is None else {CHANNEL_PATTERNS: dict(patterns)}),
    }


def check_number_is_free(folder: Path) -> None:
    """Check that no other data set in the same folder has the same number, because nnU-Net could not distinguish them.

    Args:
        folder: The raw data set to be written.

    Raises:
        UserError: When there is another data set with this number.
    """
    number = folder.name.partition("_")[0]
    others = sorted(other.name for other in folder.parent.glob(f"{number}_*") if other.name != folder.name)
    if others:
        raise UserError(f"{folder.parent} already contains {', '.join(others)}: choose another data set number")


def check_no_other_cases(folder: Path, cases: Sequence[str], *, n_channels: int = 1) -> None:
    """Check that a raw data set contains no other cases or channels, because nnU-Net would use them too.

    Args:
        folder: The raw data set.
        cases: Names of the expected cases.
        n_channels: Number of channels of a case.

    Raises:
        UserError: When it contains other files. The message lists them.
    """
    names = {f"{case}{FILE_ENDING}" for case in cases}
    foreign = [file.name for file in (folder / "labelsTr").glob(f"[!.]*{FILE_ENDING}") if file.name not in names]
    for file in (folder / "imagesTr").glob(f"[!.]*{FILE_ENDING}"):
        case, _, channel = file.name.removesuffix(FILE_ENDING).rpartition("_")
        is_known = f"{case}{FILE_ENDING}" in names and channel.isdecimal()
        if not is_known or int(channel) >= n_channels:
            foreign.append(file.name)
    foreign.sort()
    if foreign:
        listed = f"{', '.join(foreign[:5])}{', ...' if len(foreign) > 5 else ''}; {len(foreign)} in all"
        raise UserError(
            f"{folder} contains files that are not in the source ({listed}): delete them or choose another data set "
            "number"
        )
