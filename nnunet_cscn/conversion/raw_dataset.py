"""nnU-Net's raw format: what a data set is called, where its files stand and what its ``dataset.json`` says."""

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
    """What is to be said about a data set, whatever its cases.

    Attributes:
        number: nnU-Net's number for it unless the user wants another.
        name: The folder's name behind the number.
        title: One sentence on what the images and labels are.
        channel_names: One for each image channel; anything but ``CT`` is normalised by z-score.
        labels: Name and value, background first.
        licence: The licence under which the data may be used.
        reference: Whom to cite.
        channel_patterns: How the series of each channel are found in a DICOM study; None if nobody said.
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
    """Describe a data set of the user's own, without licence and reference.

    Args:
        number: nnU-Net's number for it.
        name: The folder's name behind the number.
        title: One sentence on what the images and labels are.
        channel_names: One for each image channel.
        labels: Value of each label, without the background.

    Raises:
        ArgumentError: When the name is none that nnU-Net takes.
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
    """Return the data set's folder name, such as ``Dataset902_STS``.

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
    """Return where nnU-Net looks for a case's image channel in the raw data set ``folder``."""
    return folder / "imagesTr" / f"{case}_{channel:04d}{FILE_ENDING}"


def label_path(folder: Path, case: str) -> Path:
    """Return where nnU-Net looks for a case's labels in the raw data set ``folder``."""
    return folder / "labelsTr" / f"{case}{FILE_ENDING}"


def has_files(folder: Path, case: str) -> bool:
    """Tell whether a raw data set holds a case, which nnU-Net takes whether or not its source is still good."""
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
    """Refuse a data set whose number another one beside it has, because nnU-Net could tell neither by its number.

    Args:
        folder: The raw data set that is to be written.

    Raises:
        UserError: When there is another one.
    """
    number = folder.name.partition("_")[0]
    others = sorted(other.name for other in folder.parent.glob(f"{number}_*") if other.name != folder.name)
    if others:
        raise UserError(f"{folder.parent} already contains {', '.join(others)}: choose another data set number")


def check_no_other_cases(folder: Path, cases: Sequence[str], *, n_channels: int = 1) -> None:
    """Refuse a raw data set that holds images or labels of other cases, or more channels; nnU-Net would take them too.

    Args:
        folder: The raw data set.
        cases: The cases that it should hold.
        n_channels: How many images a case has.

    Raises:
        UserError: With the files that are in the way.
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
