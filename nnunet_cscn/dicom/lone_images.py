"""Images that each have a series of their own, as some scanners export them, put together by where they lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.repetitions import SAME_PLACE_MM, heights_of
from nnunet_cscn.errors import UserError

_SHARED = (
    *("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "Modality", "SeriesNumber", "Rows", "Columns"),
    *("PixelSpacing", "ImageType", "EchoTime", "PhotometricInterpretation"),
)
_FEWEST = 3  # places; two images may well be two series


def joined_lone_images(by_uid: Mapping[str, list[Header]]) -> dict[str, list[Header]]:
    """Join series of one image each whose elements agree and whose images lie at three places and more.

    Args:
        by_uid: Headers of images by their SeriesInstanceUID.

    Returns:
        The same, with all images of such series under the UID of the first one.
    """
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for uid, members in by_uid.items():
        if len(members) == 1 and members[0].text("ImagePositionPatient") and "LOCALIZER" not in _kind(members[0]):
            alike[tuple(members[0].text(keyword) for keyword in _SHARED)].append(uid)
    joined = dict(by_uid)
    for uids in alike.values():
        together = [by_uid[uid][0] for uid in uids]
        if _count_places(together) >= _FEWEST:
            for uid in uids[1:]:
                del joined[uid]
            joined[uids[0]] = together
    return joined


def _kind(header: Header) -> tuple[str, ...]:
    return header.texts("ImageType")


def _count_places(together: list[Header]) -> int:
    """Number of different heights; 0 where a position or orientation is damaged."""
    try:
        heights = sorted(heights_of(together))
    except (UserError, ValueError):
        return 0
    return 1 + sum(high - low >= SAME_PLACE_MM for low, high in pairwise(heights))
