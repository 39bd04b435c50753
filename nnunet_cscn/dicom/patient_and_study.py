"""Attributes of patient and study that a new DICOM object copies from its images, in a form that DICOM allows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom import charset, config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import DA, TM, validate_value

PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")
MAY_BE_ABSENT = ("StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
DEIDENTIFICATION = (
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
)
UNICODE = "ISO_IR 192"

_VALUES = {
    "PatientSex": ("M", "F", "O"),
    "PatientIdentityRemoved": ("YES", "NO"),
    "LongitudinalTemporalInformationModified": ("UNMODIFIED", "MODIFIED", "REMOVED"),
}
_TEXTS = ("PN", "LO", "SH", "ST", "LT", "UT")
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")


@dataclass(frozen=True)
class PatientAndStudy:
    """The attributes of the patient and the study.

    Attributes:
        elements: The attributes with their values, SpecificCharacterSet included.
        notes: Which attributes are blank or missing because their values break DICOM's rules. The notes do not contain
            the values, which may identify the patient.
    """

    elements: Dataset
    notes: tuple[str, ...]


def patient_and_study(image: pydicom.Dataset, *, texts: Sequence[str] = ()) -> PatientAndStudy:
    """Return the attributes that a new object copies from an image.

    Attributes that every DICOM object needs are blank if the image lacks them or if they break the rules (PS3.5, 6.2,
    for the formats; PS3.3, C.7.1.1, for the sex). The deidentification attributes are copied together or not at
    all, because each needs the others (PS3.3, C.7.1.1).

    Args:
        image: The header of an image.
        texts: Other texts of the new object, such as ROI names. If the character set of the images lacks any of their
            characters, Unicode is used instead.
    """
    elements, notes = Dataset(), list[str]()
    for keyword in (*PATIENT, *STUDY):
        value = image.get(keyword, "")
        if fault := _fault(keyword, value):
            notes.append(f"{keyword} of the images {fault}: left blank")
            value = ""
        setattr(elements, keyword, _plain(value))
    for keyword in MAY_BE_ABSENT:
        value = image.get(keyword)
        if value in (None, ""):
            continue
        if fault := _fault(keyword, value):
            notes.append(f"{keyword} of the images {fault}: left out")
        else:
            setattr(elements, keyword, _plain(value))
    notes.append(_take_deidentification(image, elements))
    own_texts = [text for element in elements if element.VR in _TEXTS for text in _plain_list(element.value)]
    elements.SpecificCharacterSet, note = _character_set(image, [*own_texts, *texts])
    notes.append(note)
    return PatientAndStudy(elements, tuple(filter(None, notes)))


def series_number(image: pydicom.Dataset, offset: int) -> int:
    """Return a number for a new series that starts with the number of its source: 3 gives 3901 for the offset 901.

    Args:
        image: The header of an image of the source.
        offset: Number of the kind of series, from 1 to 999.
    """
    try:
        number = int(image.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    return (number * 1000 if 0 < number < 2_000_000 else 0) + offset  # DICOM's integers end at 2^31 - 1


def _character_set(image: pydicom.Dataset, texts: Sequence[str]) -> tuple[Any, str]:
    """Return the character set of the images, or Unicode if it is unknown or lacks characters, and a note.

    The first of several values may be blank, as in Japan, Korea and China. It means ISO_IR 6 (PS3.3, C.12.1.1.2).
    """
    stated = image.get("SpecificCharacterSet")
    values = list(stated) if isinstance(stated, (list, tuple, MultiValue)) else [stated or ""]
    known = all(value in charset.python_encoding for value in values if value)
    if not known:
        return UNICODE, f"SpecificCharacterSet of the images is unknown: written as {UNICODE}"
    if not any(values) or not all(_can_be_written(text, values) for text in texts):
        return UNICODE, ""
    return values if len(values) > 1 else values[0], ""


def _can_be_written(text: str, values: Sequence[str]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warning about lost characters
        encodings = charset.convert_encodings(list(values))
        written: str = charset.decode_bytes(charset.encode_string(text, encodings), encodings, set())
        return written == text


def _plain_list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple, MultiValue)) else [str(value)]


def _fault(keyword: str, value: Any) -> str:
    """Describe how a value breaks DICOM's rules. Empty if it does not. A blank value is allowed."""
    if value in (None, ""):
        return ""
    if isinstance(value, (list, tuple, MultiValue)) and dictionary_VM(keyword) == "1":
        return "has several values"
    values = list(value) if isinstance(value, (list, tuple, MultiValue)) else [value]
    if keyword in _VALUES and any(str(each) not in _VALUES[keyword] for each in values):
        return f"is none of {', '.join(_VALUES[keyword])}"
    kind = dictionary_VR(keyword)
    try:
        for each in values:
            validate_value(kind, str(each), config.RAISE)
            if kind == "DA":
                DA(str(each))
            elif kind == "TM":
                TM(str(each))
    except (ValueError, TypeError, OverflowError):
        return f"is not valid ({kind})"
    return ""


def _plain(value: Any) -> Any:
    """Return text as str, without the encoding of the source."""
    if isinstance(value, (list, tuple, MultiValue)):
        return [_plain(each) for each in value]
    return str(value) if value is not None else ""


def _take_deidentification(image: pydicom.Dataset, elements: Dataset) -> str:
    """Copy the deidentification attributes, together or not at all. Return a note if they are left out."""
    present = [keyword for keyword in DEIDENTIFICATION if image.get(keyword) not in (None, "")]
    if not present:
        return ""
    methods = [keyword for keyword in present if keyword.startswith("DeidentificationMethod")]
    was_removed = str(image.get("PatientIdentityRemoved") or "")
    is_whole = was_removed == "NO" or (was_removed == "YES" and bool(methods))
    faults = [keyword for keyword in present if keyword != DEIDENTIFICATION[2] and _fault(keyword, image.get(keyword))]
    codes: Sequence[Dataset] = image.get(DEIDENTIFICATION[2]) or ()
    are_coded = all(code.get(keyword) for code in codes for keyword in _CODE)
    if not is_whole or faults or not are_coded:
        return "the deidentification attributes of the images are incomplete or not valid: left out"
    for keyword in present:
        value = image.get(keyword)
        setattr(elements, keyword, [_code(code) for code in codes] if keyword == DEIDENTIFICATION[2] else _plain(value))
    return ""


def _code(code: Dataset) -> Dataset:
    """Copy a coded entry."""
    copied = Dataset()
    for keyword in (*_CODE, "CodingSchemeVersion"):
        if code.get(keyword):
            setattr(copied, keyword, str(code.get(keyword)))
    return copied
