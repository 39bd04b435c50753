"""The mapping from cases to patients. It is written only on request, and only its owner can read it."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.conversion.case_names import CaseName, Identity
from nnunet_cscn.csv_files import harmless, original, read_table
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

_COLUMNS = ("dataset", "case", "patient", "PatientID", "SOPInstanceUID", "file")
_SAFE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class CaseMapping:
    """A mapping: one row per SOPInstanceUID, with values by column name."""

    rows: Mapping[str, Mapping[str, str]]

    @property
    def names(self) -> dict[str, CaseName]:
        """The name of each case, by SOPInstanceUID."""
        return {instance: CaseName(row["case"], row["patient"]) for instance, row in self.rows.items()}

    @property
    def patients(self) -> dict[str, str]:
        """The name of each patient, by PatientID. Blank PatientIDs are left out."""
        return {row["PatientID"]: row["patient"] for row in self.rows.values() if row["PatientID"]}

    def with_cases(self, dataset: str, names: Sequence[CaseName], identities: Sequence[Identity]) -> CaseMapping:
        """Return the mapping with these cases added or updated. All other rows stay."""
        rows = dict(self.rows)
        for name, who in zip(names, identities, strict=True):
            values = (dataset, name.case, name.patient, who.patient_id, who.instance, str(who.file))
            rows[who.instance] = dict(zip(_COLUMNS, values, strict=True))
        return CaseMapping(rows)


def read_mapping(file: Path, dataset: str, *, has_ids: bool, prefix: str) -> CaseMapping:
    """Read the mapping of an earlier run. If there is no file, return an empty mapping.

    Args:
        file: A CSV file.
        dataset: The folder name of the data set. A mapping belongs to one data set.
        has_ids: Whether the cases are named by PatientID, instead of numbered.
        prefix: Prefix of numbered cases.

    Raises:
        UserError: When the file is not a mapping, belongs to another data set, or contains cases that are named in
            another way.
    """
    if not file.exists():
        return CaseMapping({})
    try:
        read = read_table(file, errors="surrogateescape")
    except UserError:
        read = []
    rows = [{key: original(cell) for key, cell in row.items()} for row in read]
    if not rows or not all(_is_row(row) for row in rows):
        raise UserError(f"{file} exists but is not a case mapping: choose another file")
    if others := sorted({row["dataset"] for row in rows} - {dataset}):
        raise UserError(f"{file} is the case mapping of {others[0]}: choose another file")
    numbered = re.compile(rf"{re.escape(prefix)}_\d+")
    are_numbered = [numbered.fullmatch(row["case"]) is not None for row in rows]
    if not has_ids and not all(are_numbered):
        raise UserError(f"{file} contains cases named by patient ID: add keep_ids=True, or choose another file")
    if has_ids and all(are_numbered):
        raise UserError(f"{file} contains numbered cases: remove keep_ids=True, or choose another file")
    return CaseMapping({row["SOPInstanceUID"]: row for row in rows})


def write_mapping(file: Path, mapping: CaseMapping) -> None:
    """Write a mapping with file mode 600. An interruption leaves no incomplete file."""
    with replacing(file) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            for row in sorted(mapping.rows.values(), key=lambda row: row["case"]):
                writer.writerow({column: harmless(cell) for column, cell in row.items()})


def _is_row(row: Mapping[str, str]) -> bool:
    """Whether a row has all columns, and names that no path gives a meaning."""
    return set(row) == set(_COLUMNS) and all(_SAFE.fullmatch(row[column]) for column in ("case", "patient"))
