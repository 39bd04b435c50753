"""Groups of cases, such as stages, centres or scanners, from a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.csv_files import read_table
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.texts import counted

ALL = "all"


def read_groups(file: Path | None, cases: Sequence[str]) -> dict[str, list[str]]:
    """Return the cases of each group.

    Args:
        file: A CSV file with the columns ``case`` and ``group``; None for one group of all cases.
        cases: The cases.

    Returns:
        The cases of each group, by its name, sorted by names.

    Raises:
        ArgumentError: If the file cannot be read, lacks a column, or names no group for some case.
    """
    if file is None:
        return {ALL: sorted(cases)}
    try:
        rows = read_table(file, encoding="utf-8-sig")
    except UserError as fault:
        raise ArgumentError("groups", str(fault)) from None
    if not rows or not {"case", "group"} <= rows[0].keys():
        raise ArgumentError("groups", f"{file}: expected a CSV file with the columns case and group")
    group_of = {row["case"].strip(): row["group"].strip() for row in rows}
    if missing := [case for case in sorted(cases) if not group_of.get(case)]:
        raise ArgumentError(
            "groups", f"{file} names no group for {counted(len(missing), 'case')}, such as {missing[0]}"
        )
    found: dict[str, list[str]] = {}
    for case in sorted(cases):
        found.setdefault(group_of[case], []).append(case)
    return dict(sorted(found.items()))
