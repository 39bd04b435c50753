"""What a new DICOM object takes over from the images that it belongs to, in a form that DICOM allows."""

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
        notes: Which attributes were left blank or out because their values break DICOM's rules. The values, which may
            be the patient's, are not in them.
    """

    elements: Dataset
    notes: tuple[str, ...]


def patient_and_study(image: pydicom.Dataset, *, texts: Sequence[str] = ()) -> PatientAndStudy:
    """Return what a new object takes over from an image.

    Attributes that DICOM wants in every object are blank where the image lacks them or where they break its rules
    (PS3.5, section 6.2, for the formats; PS3.3, C.7.1.1, for the sex). Attributes of deidentification are taken over
    together or not at all: each means nothing without the others (PS3.3, C.7.1.1).

    Args:
        image: The header of an image.
        texts: Other texts of the new object, such as the names of regions. Where the character set of the images has
            not all of their characters, Unicode is written instead.
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
    """Return a number for a new series that tells from which one it was made: 3 gives 3901 for an offset of 901.

    Args:
        image: The header of an image of that series.
        offset: What tells series of several kinds apart, from 1 to 999.
    """
    try:
        number = int(image.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    return (number * 1000 if 0 < number < 2_000_000 else 0) + offset  # DICOM's integers end at 2^31 - 1


def _character_set(image: pydicom.Dataset, texts: Sequence[str]) -> tuple[Any, str]:
    """Return the character set of the images, or Unicode where it is unknown or lacks characters; a note on the first.

    The first of several values may be blank, as in Japan, Korea and China: it stands for ISO_IR 6 (PS3.3, C.12.1.1.2).
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
        warnings.simplefilter("ignore")  # of characters that are lost, which is what is looked for
        encodings = charset.convert_encodings(list(values))
        written: str = charset.decode_bytes(charset.encode_string(text, encodings), encodings, set())
        return written == text


def _plain_list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple, MultiValue)) else [str(value)]


def _fault(keyword: str, value: Any) -> str:
    """Say how a value breaks DICOM's rules; empty where it does not. A blank value is allowed."""
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
    """Return text as text, without the encoding that it was read with."""
    if isinstance(value, (list, tuple, MultiValue)):
        return [_plain(each) for each in value]
    return str(value) if value is not None else ""


def _take_deidentification(image: pydicom.Dataset, elements: Dataset) -> str:
    """Take over the attributes of deidentification, together or not at all; a note where they are left out."""
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
    """Copy a coded entry, with the version of its scheme where there is one."""
    copied = Dataset()
    for keyword in (*_CODE, "CodingSchemeVersion"):
        if code.get(keyword):
            setattr(copied, keyword, str(code.get(keyword)))
    return copied
