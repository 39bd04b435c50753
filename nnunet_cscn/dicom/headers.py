"""Read the headers of all DICOM files in a folder, whatever the files are called."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import UID

_SKIPPED_FOLDERS = ("__MACOSX",)
_PREFIX_AT, _PREFIX = 128, b"DICM"
_INDEX = "DICOMDIR"  # holds no image
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"),
    *("Modality", "ImageType", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "AcquisitionNumber", "EchoTime"),
    *("TemporalPositionIdentifier", "DiffusionBValue", "DiffusionGradientOrientation", "TriggerTime", "InversionTime"),
    *("FlipAngle", "ConvolutionKernel"),
    *("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName"),
    *("AcquisitionTime", "ContentTime", "InstanceNumber", "SeriesNumber"),
)


@dataclass(frozen=True)
class Header:
    """One DICOM file, or one frame of a multi-frame file: its path and the elements that describe it, as texts.

    Objects of pydicom are not kept. They need twenty times the memory, and a hospital's tree has 100,000 files.

    Attributes:
        file: The file.
        elements: Values of each element by its keyword.
        frame: Number of the frame, counted from 1; 0 for the file as a whole.
    """

    file: Path
    elements: Mapping[str, tuple[str, ...]]
    frame: int = 0

    def text(self, keyword: str) -> str:
        """Return an element as text. A blank or missing element gives an empty text."""
        return "\\".join(self.elements.get(keyword, ()))

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the values of an element in capitals. A blank or missing element gives no values."""
        return tuple(text.upper() for text in self.elements.get(keyword, ()) if text)

    @property
    def instance(self) -> str:
        """The SOPInstanceUID of the data set or else of the file's meta information, or else the path."""
        return self.text("SOPInstanceUID") or self.text("MediaStorageSOPInstanceUID") or str(self.file)

    @property
    def is_cut_off(self) -> bool:
        """Whether this is an image whose header ends before the image size."""
        sop_class = self.text("MediaStorageSOPClassUID") or self.text("SOPClassUID")
        return "Image Storage" in UID(sop_class).name and not self.text("Rows")

    @property
    def position(self) -> tuple[float, ...]:
        """ImagePositionPatient, or nothing where it is missing or not three numbers."""
        return self.numbers("ImagePositionPatient", 3) or ()

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return an element of ``count`` numbers. None if it is missing, blank, not that many numbers or not finite."""
        try:
            found = tuple(float(text) for text in self.elements.get(keyword, ()))
        except ValueError:
            return None
        return found if len(found) == count and all(map(math.isfinite, found)) else None

    def number(self, keyword: str) -> float | None:
        """Return an element of one number. None if it is missing, blank or not one number."""
        found = self.numbers(keyword, 1)
        return found[0] if found else None


def read_headers(
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    on_damaged: Callable[[Path], None] | None = None,
) -> list[Header]:
    """Read the headers of all DICOM files below a folder, and skip other files.

    The content decides: a file is DICOM if it has the prefix DICM, or if DICOM elements can be read from it.

    Args:
        folder: Folder with files and subfolders in any order. Links are followed.
        on_progress: Called with the number of files done and the number of all files.
        on_damaged: Called with each DICOM file whose header is cut off, and each file that cannot be opened.
    """
    files = sorted(_files_below(folder, on_damaged))
    found = []
    with ThreadPoolExecutor() as executor:
        for done, (file, header) in enumerate(zip(files, executor.map(read_header, files), strict=True), start=1):
            if header is not None and not (header.is_cut_off and not header.text("SeriesInstanceUID")):
                found.append(header)
            if on_damaged is not None and _is_damaged(file, header):
                on_damaged(file)
            if on_progress is not None:
                on_progress(done, len(files))
    return found


def archives_below(folder: Path) -> list[Path]:
    """Return archives such as .zip below a folder, whose content nobody looks at."""
    return [file for file in _files_below(folder, None) if file.name.lower().endswith(_ARCHIVES)]


def read_header(file: Path) -> Header | None:
    """Read the header of a file. None if it is not a DICOM file, or has no SOPClassUID."""
    content = _content(file)
    if content is None:
        return None
    try:
        elements = {keyword: texts_of(content.get(keyword)) for keyword in TAGS}
        meta = getattr(content, "file_meta", None) or pydicom.Dataset()
        for keyword in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"):
            elements[keyword] = texts_of(meta.get(keyword))
    except Exception:  # an element whose bytes do not fit its type can raise any exception
        return None
    elements["SOPClassUID"] = elements["SOPClassUID"] or elements["MediaStorageSOPClassUID"]
    return (
        Header(file, {keyword: value for keyword, value in elements.items() if value})
        if elements["SOPClassUID"]
        else None
    )


def texts_of(value: object) -> tuple[str, ...]:
    """Return the values of an element as texts. Equal texts of all files are one object, which saves memory."""
    if value is None or value == "":
        return ()
    values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    return tuple(sys.intern("" if each is None else str(each).strip()) for each in values)


def _content(file: Path) -> pydicom.Dataset | None:
    options: dict[str, Any] = {"stop_before_pixels": True, "specific_tags": list(TAGS)}
    try:
        return pydicom.dcmread(file, **options)
    except InvalidDicomError:
        pass
    except Exception:  # a damaged file can raise any exception
        return None
    try:  # some archives leave out the prefix DICM
        return pydicom.dcmread(file, force=True, **options) if _may_be_dicom(file) else None
    except Exception:  # a file that is not DICOM can raise any exception
        return None


def _is_damaged(file: Path, header: Header | None) -> bool:
    """Whether a file is DICOM but cut off, or cannot be opened."""
    if header is not None:
        return header.is_cut_off
    start = _start(file)
    return start is None or (start[_PREFIX_AT:] == _PREFIX and file.name != _INDEX)


def _may_be_dicom(file: Path) -> bool:
    """Whether a file without the prefix DICM starts with an element of group 2 or 8, little endian."""
    start = _start(file) or b""
    return len(start) >= 8 and start[0] in (2, 8) and start[1] == 0


def _start(file: Path) -> bytes | None:
    """The first bytes of a file. None if it cannot be opened, such as a broken link or without permission."""
    try:
        with file.open("rb") as stream:
            return stream.read(_PREFIX_AT + len(_PREFIX))
    except OSError:
        return None


def _files_below(folder: Path, on_damaged: Callable[[Path], None] | None) -> Iterator[Path]:
    def report(fault: OSError) -> None:
        if on_damaged is not None:
            on_damaged(Path(fault.filename))

    visited = set[str]()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=report):
        real = os.path.realpath(parent)
        if real in visited:  # a link to a folder that was already read
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith("."))
        yield from (Path(parent) / name for name in names if not name.startswith("."))
