"""What the headers of the files in a folder say, whatever the files are called."""

from __future__ import annotations

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

_FOREIGN_FOLDERS = ("__MACOSX",)
_MAGIC_AT, _MAGIC = 128, b"DICM"
_INDEX = "DICOMDIR"  # holds no image
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"),
    *("Modality", "ImageType", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "AcquisitionNumber", "EchoTime"),
    *("TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime"),
    *("AcquisitionTime", "ContentTime", "InstanceNumber", "SeriesNumber"),
)


@dataclass(frozen=True)
class Header:
    """One DICOM file: its path, and the elements that tell what it is, as texts.

    Kept are no objects of pydicom, which take twenty times the memory: a hospital's tree has 100,000 files.
    """

    file: Path
    elements: Mapping[str, tuple[str, ...]]

    def text(self, keyword: str) -> str:
        """Return an element as text; blank and missing ones are empty."""
        return "\\".join(self.elements.get(keyword, ()))

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return an element of one or more texts in capitals; none where it is missing or blank."""
        return tuple(text.upper() for text in self.elements.get(keyword, ()) if text)

    @property
    def instance(self) -> str:
        """The SOPInstanceUID; where it is blank, what the file's preamble says, and else the path."""
        return self.text("SOPInstanceUID") or self.text("MediaStorageSOPInstanceUID") or str(self.file)

    @property
    def is_cut_off(self) -> bool:
        """Whether this is an image that does not say how large it is, because the header ends before."""
        sop_class = self.text("MediaStorageSOPClassUID") or self.text("SOPClassUID")
        return "Image Storage" in UID(sop_class).name and not self.text("Rows")

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return an element of ``count`` numbers; None where it is missing, blank or something else."""
        try:
            found = tuple(float(text) for text in self.elements.get(keyword, ()))
        except ValueError:
            return None
        return found if len(found) == count else None

    def number(self, keyword: str) -> float | None:
        """Return an element of one number; None where it is missing, blank or something else."""
        found = self.numbers(keyword, 1)
        return found[0] if found else None


def read_headers(
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    on_damaged: Callable[[Path], None] | None = None,
) -> list[Header]:
    """Read the headers of all DICOM files below a folder; other files are passed over.

    Files are told by their content: DICOM's own mark, or, where it is missing, elements that can be read.

    Args:
        folder: Any mess of folders and files; links are followed.
        on_progress: Called with the number of files that were looked at, and of all.
        on_damaged: Called with each DICOM file whose header is cut off, and all that cannot be read.
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
    """Read the header of a file; None where it is no DICOM file that says what it is."""
    content = _content(file)
    if content is None:
        return None
    try:
        elements = {keyword: _texts(content.get(keyword)) for keyword in TAGS}
        meta = getattr(content, "file_meta", None) or pydicom.Dataset()
        for keyword in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"):
            elements[keyword] = _texts(meta.get(keyword))
    except Exception:  # an element whose bytes are none of its kind may lead to anything
        return None
    elements["SOPClassUID"] = elements["SOPClassUID"] or elements["MediaStorageSOPClassUID"]
    return (
        Header(file, {keyword: value for keyword, value in elements.items() if value})
        if elements["SOPClassUID"]
        else None
    )


def _texts(value: object) -> tuple[str, ...]:
    """An element's values; equal texts of all files are one object."""
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
    except Exception:  # a damaged file may lead to anything
        return None
    try:  # some archives leave DICOM's mark out
        return pydicom.dcmread(file, force=True, **options) if _may_be_dicom(file) else None
    except Exception:  # whatever else a file that is no DICOM may lead to
        return None


def _is_damaged(file: Path, header: Header | None) -> bool:
    """Whether a file is DICOM but cut off, or can't be opened at all."""
    if header is not None:
        return header.is_cut_off
    start = _start(file)
    return start is None or (start[_MAGIC_AT:] == _MAGIC and file.name != _INDEX)


def _may_be_dicom(file: Path) -> bool:
    """Whether a file without DICOM's mark starts with an element of one of the first groups, little endian."""
    start = _start(file) or b""
    return len(start) >= 8 and start[0] in (2, 8) and start[1] == 0


def _start(file: Path) -> bytes | None:
    """The first bytes of a file; None where it can't be opened: a link to nowhere, or no right to read it."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAGIC_AT + len(_MAGIC))
    except OSError:
        return None


def _files_below(folder: Path, on_damaged: Callable[[Path], None] | None) -> Iterator[Path]:
    def report(fault: OSError) -> None:
        if on_damaged is not None:
            on_damaged(Path(fault.filename))

    visited = set[str]()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=report):
        real = os.path.realpath(parent)
        if real in visited:  # a link that leads back, or to a folder that was seen
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if name not in _FOREIGN_FOLDERS and not name.startswith("."))
        yield from (Path(parent) / name for name in names if not name.startswith("."))
