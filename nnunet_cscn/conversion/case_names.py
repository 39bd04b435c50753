"""What cases of DICOM studies are called: numbers that say nothing of the patient, or on request their ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 64  # as DICOM's PatientID


@dataclass(frozen=True)
class Identity:
    """Who and what a case is: never to be shown unless asked for.

    Attributes:
        patient: What all files of the patient share: the PatientID, or where it is blank the study.
        patient_id: PatientID, which may be blank.
        instance: SOPInstanceUID of the structure set or segmentation.
        file: Where that stands.
    """

    patient: str
    patient_id: str
    instance: str
    file: Path


@dataclass(frozen=True)
class CaseName:
    """Name of a case, and of its patient: cases of one patient stay in one fold."""

    case: str
    patient: str


def numbered_cases(
    identities: Sequence[Identity],
    prefix: str,
    known: Mapping[str, CaseName] | None = None,
    patients: Mapping[str, str] | None = None,
) -> list[CaseName]:
    """Number cases and patients in their order; those that are known keep their names.

    Args:
        identities: The cases; those of a patient stand beside each other.
        prefix: What the names start with.
        known: Names of an earlier run by SOPInstanceUID, as a mapping has them.
        patients: Names of patients of an earlier run by PatientID.

    Example:
        >>> one, two = (Identity("a", "a", uid, Path()) for uid in ("1", "2"))
        >>> [name.case for name in numbered_cases([one, two], "NPC", {"2": CaseName("NPC_001", "patient_001")})]
        ['NPC_002', 'NPC_001']
    """
    known = known or {}
    named = _named_patients(identities, known, patients or {})
    last_case = max((_number(name.case) for name in known.values()), default=0)
    last_patient = max((_number(name) for name in (*(patients or {}).values(), *named.values())), default=0)
    names = []
    for each in identities:
        if each.patient not in named:
            last_patient += 1
            named[each.patient] = f"patient_{last_patient:03d}"
        if each.instance in known:
            names.append(known[each.instance])
            continue
        last_case += 1
        names.append(CaseName(f"{prefix}_{last_case:03d}", named[each.patient]))
    return names


def cases_by_id(
    identities: Sequence[Identity],
    known: Mapping[str, CaseName] | None = None,
    patients: Mapping[str, str] | None = None,
) -> list[CaseName]:
    """Call cases after their PatientID, in characters that no path gives a meaning; further ones of a patient counted.

    Args:
        identities: The cases.
        known: Names of an earlier run by SOPInstanceUID, which stay.
        patients: Names of patients of an earlier run by PatientID.

    Example:
        >>> two = [Identity("../x y", "../x y", uid, Path()) for uid in ("1", "2")]
        >>> [name.case for name in cases_by_id(two)]
        ['x-y', 'x-y_2']
    """
    known = known or {}
    named = _named_patients(identities, known, patients or {})
    taken_patients = {name.casefold() for name in (*(patients or {}).values(), *named.values())}
    taken_cases = {name.case.casefold() for name in known.values()}
    names = []
    for each in identities:
        if each.patient not in named:
            safe = _UNSAFE.sub("-", each.patient_id)[:_LONGEST].strip("-_") or "unknown"
            named[each.patient] = _free(safe, taken_patients, "-")
        if each.instance in known:
            names.append(known[each.instance])
        else:
            names.append(CaseName(_free(named[each.patient], taken_cases, "_"), named[each.patient]))
    return names


def _named_patients(
    identities: Sequence[Identity], known: Mapping[str, CaseName], patients: Mapping[str, str]
) -> dict[str, str]:
    """Names that patients have from an earlier run: by their id, or else by one of their cases."""
    by_case = {each.patient: known[each.instance].patient for each in identities if each.instance in known}
    return by_case | {each.patient: patients[each.patient_id] for each in identities if each.patient_id in patients}


def _number(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return int(digits.group()) if digits else 0


def _free(name: str, taken: set[str], separator: str) -> str:
    """Return a name that is not taken yet, whatever the case of letters, and take it."""
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    taken.add(candidate.casefold())
    return candidate
