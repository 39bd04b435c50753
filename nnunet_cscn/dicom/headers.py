"""What the headers of the files in a folder say, whatever the files are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

_FOREIGN_FOLDERS = ("__MACOSX",)
_MAGIC_AT, _MAGIC = 128, b"DICM"
TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"),
    *("Modality", "SeriesDescription", "ImageType", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "AcquisitionNumber", "EchoTime"),
    *("TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime"),
)


@dataclass(frozen=True)
class Header:
    """One DICOM file: its path, and the elements that tell what it is."""

    file: Path
    elements: pydicom.Dataset

    def text(self, keyword: str) -> str:
        """Return an element as text; blank and missing ones are empty."""
        value = self.elements.get(keyword)
        return "" if value is None else str(value).strip()

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return an element of one or more texts in capitals; none where it is missing or blank."""
        value = self.elements.get(keyword)
        return tuple(str(each).upper() for each in ([value] if isinstance(value, str) else value or ()) if each)

    @property
    def instance(self) -> str:
        """The SOPInstanceUID; where it is blank, what the file's preamble says, and else the path."""
        meta = getattr(self.elements, "file_meta", None)
        return self.text("SOPInstanceUID") or str(getattr(meta, "MediaStorageSOPInstanceUID", "")) or str(self.file)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return an element of ``count`` numbers; None where it is missing, blank or something else."""
        value = self.elements.get(keyword)
        try:
            found = tuple(float(each) for each in (value if count > 1 else [value]))
        except (TypeError, ValueError):
            return None
        return found if len(found) == count else None

    def number(self, keyword: str) -> float | None:
        """Return an element of one number; None where it is missing, blank or something else."""
        found = self.numbers(keyword, 1)
        return found[0] if found else None


def read_headers(folder: Path, *, on_progress: Callable[[int, int], None] | None = None) -> list[Header]:
    """Read the headers of all DICOM files below a folder; other files are passed over.

    Files are told by their content: DICOM's own mark, or, where it is missing, elements that can be read.

    Args:
        folder: Any mess of folders and files.
        on_progress: Called with the number of files that were looked at, and of all.
    """
    files = sorted(_files_below(folder))
    found = []
    with ThreadPoolExecutor() as executor:
        for done, header in enumerate(executor.map(read_header, files), start=1):
            if header is not None:
                found.append(header)
            if on_progress is not None:
                on_progress(done, len(files))
    return found


def read_header(file: Path) -> Header | None:
    """Read the header of a file; None where it is no DICOM file that says what it is."""
    elements = _elements(file)
    if elements is None:
        return None
    if not elements.get("SOPClassUID"):
        meta = getattr(elements, "file_meta", None)
        elements.SOPClassUID = getattr(meta, "MediaStorageSOPClassUID", "")
    return Header(file, elements) if elements.SOPClassUID else None


def _elements(file: Path) -> pydicom.Dataset | None:
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


def _may_be_dicom(file: Path) -> bool:
    """Whether a file without DICOM's mark starts with an element of one of the first groups, little endian."""
    with file.open("rb") as stream:
        start = stream.read(_MAGIC_AT + len(_MAGIC))
    return len(start) >= 8 and start[0] in (2, 8) and start[1] == 0


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _FOREIGN_FOLDERS and not name.startswith(".")]
        yield from (Path(parent) / name for name in names if not name.startswith("."))
