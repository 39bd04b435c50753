"""Names of DICOM cases: numbers that do not identify the patient or, on request, PatientIDs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 64  # as DICOM's PatientID


@dataclass(frozen=True)
class Identity:
    """The identity of a case. It is never shown unless the user asks for it.

    Attributes:
        patient: Key that all files of the patient share: the PatientID or, if it is blank, the StudyInstanceUID.
        patient_id: PatientID, may be blank.
        instance: SOPInstanceUID of the structure set or segmentation.
        file: The file of the structure set or segmentation.
    """

    patient: str
    patient_id: str
    instance: str
    file: Path


@dataclass(frozen=True)
class CaseName:
    """The name of a case and of its patient. All cases of a patient stay in the same fold."""

    case: str
    patient: str


def numbered_cases(
    identities: Sequence[Identity],
    prefix: str,
    known: Mapping[str, CaseName] | None = None,
    patients: Mapping[str, str] | None = None,
) -> list[CaseName]:
    """Number cases and patients in their order. Known cases and patients keep their names.

    Args:
        identities: The cases. The cases of a patient follow each other.
        prefix: Prefix of the case names.
        known: Case names of an earlier run, by SOPInstanceUID.
        patients: Patient names of an earlier run, by PatientID.

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
    """Name cases by their PatientID, with only letters, digits, - and _. Further cases of a patient get a number.

    Args:
        identities: The cases.
        known: Case names of an earlier run, by SOPInstanceUID. They stay.
        patients: Patient names of an earlier run, by PatientID.

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
    """Return the patient names of an earlier run, found by PatientID or by one of the patient's cases."""
    by_case = {each.patient: known[each.instance].patient for each in identities if each.instance in known}
    return by_case | {each.patient: patients[each.patient_id] for each in identities if each.patient_id in patients}


def _number(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return int(digits.group()) if digits else 0


def _free(name: str, used: set[str], separator: str) -> str:
    """Return a name that is not used yet (upper and lower case count as equal), and mark it as used."""
    candidate, number = name, 1
    while candidate.casefold() in used:
        number += 1
        candidate = f"{name}{separator}{number}"
    used.add(candidate.casefold())
    return candidate
