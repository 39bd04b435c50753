"""Find the studies in a folder, each with the series that can be predicted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cscn.dicom.extra import needs_dicom_extra
from nnunet_cscn.dicom.wording import damaged_files
from nnunet_cscn.errors import ArgumentError

if TYPE_CHECKING:
    from nnunet_cscn.dicom.headers import Header
    from nnunet_cscn.dicom.series import ImageSeries


@dataclass(frozen=True)
class ImageStudy:
    """The images of a study.

    Attributes:
        name: What the study is called in messages and folders. It contains no patient data.
        uid: StudyInstanceUID; empty for a whole folder.
        series: The series, without localisers.
        problems: Why other series cannot be used, by their UIDs.
    """

    name: str
    uid: str
    series: Sequence[ImageSeries]
    problems: Mapping[str, str]


def image_headers(
    folder: Path,
    *,
    on_note: Callable[[str], None] = lambda note: None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Header]:
    """Read the headers of a folder.

    Args:
        folder: Folder with files and subfolders in any order.
        on_note: Called with the number of damaged files, if there are any.
        on_progress: Called with the number of files done and the number of all files.

    Raises:
        ArgumentError: When the folder does not exist.
    """
    with needs_dicom_extra():
        from nnunet_cscn.dicom.headers import read_headers
    if not folder.is_dir():
        raise ArgumentError("images", f"folder not found: {folder}")
    damaged = list[Path]()
    headers = read_headers(folder, on_damaged=damaged.append, on_progress=on_progress)
    if damaged:
        on_note(damaged_files(len(damaged)))
    return headers


def whole_folder(folder: Path, headers: Sequence[Header]) -> ImageStudy:
    """Take all series of a folder as one study.

    Args:
        folder: The folder, for messages.
        headers: Its headers.

    Raises:
        ArgumentError: When there is no series that can be used.
    """
    from nnunet_cscn.dicom.series import image_series

    found, problems = image_series(headers)
    usable = [series for series in found if not series.is_localiser]
    if not usable:
        raise ArgumentError("images", "; ".join([f"{folder} contains no image series", *problems.values()]))
    return ImageStudy(str(folder), "", usable, problems)


def studies_with_images(headers: Sequence[Header]) -> list[ImageStudy]:
    """Separate the images of a folder by study.

    Args:
        headers: Headers of the folder.

    Returns:
        The studies that have images, in the order of their names. A name is made from the StudyInstanceUID, so that it
        is the same in each run and says nothing about the patient.
    """
    from nnunet_cscn.dicom.series import image_series

    by_study = defaultdict[str, list["Header"]](list)
    for header in headers:
        by_study[header.text("StudyInstanceUID")].append(header)
    studies = []
    for uid, members in by_study.items():
        found, problems = image_series(members)
        usable = [series for series in found if not series.is_localiser]
        if usable or problems:
            studies.append(ImageStudy(f"study_{_short_hash(uid)}", uid, usable, problems))
    return sorted(studies, key=lambda study: study.name)


def _short_hash(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:10]
