"""Names of the images and frames to which contours and segments refer."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue


def image_name(uid: str, frame: int) -> str:
    """Return the name of one frame of a multi-frame image.

    Example:
        >>> image_name("1.2.3", 5)
        '1.2.3#5'
    """
    return f"{uid}#{frame}"


def referenced_images(items: Iterable[Dataset] | None) -> set[str]:
    """Return the names of the images or frames in a sequence of references.

    Args:
        items: Items with ReferencedSOPInstanceUID, and for frames of a multi-frame image ReferencedFrameNumber.

    Returns:
        The UID of each image, or the names of its frames if the reference lists frames. Blank references are left out.
    """
    names = set[str]()
    for item in items or ():
        if not (uid := str(item.get("ReferencedSOPInstanceUID") or "")):
            continue
        frames = item.get("ReferencedFrameNumber")
        listed = frames if isinstance(frames, (MultiValue, list, tuple)) else [frames]
        numbers = [int(frame) for frame in listed if frame is not None]
        names |= {image_name(uid, frame) for frame in numbers} or {uid}
    return names


def image_uid(name: str) -> str:
    """Return the SOPInstanceUID of the image or frame that has a name.

    Example:
        >>> image_uid("1.2.3#5"), image_uid("1.2.3")
        ('1.2.3', '1.2.3')
    """
    return name.partition("#")[0]
