"""The report of a conversion: a table with one row for each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunet_cscn.conversion.converted_case import ConvertedCase
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.csv_files import writing_csv

REPORT = "conversion_report.csv"


def write_report(
    file: Path,
    cases: Sequence[SourceCase],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
) -> None:
    """Write one row for each case: grid, volume of each label, and notes or the reason of a failure.

    Args:
        file: The CSV file. An interruption leaves no incomplete file.
        cases: All cases of the source, in the order of the rows.
        converted: The converted cases, by name.
        problems: For each other case, the reason.
    """
    details = list(dict.fromkeys(key for case in converted.values() for key in case.details))
    labels = list(dict.fromkeys(label for case in converted.values() for label in case.volumes_ml))
    heading = ["case", "patient", "status", "shape", "spacing_mm", *details, *(f"{label}_ml" for label in labels)]
    with writing_csv(file) as write:
        write([*heading, "notes"])
        for case in cases:
            done = converted.get(case.name)
            if done is None:
                blank = [""] * (len(heading) - 3)
                write([case.name, case.patient, "failed", *blank, problems.get(case.name, "")])
                continue
            shape = "x".join(map(str, done.grid.shape))
            spacing = "x".join(f"{step:.5g}" for step in done.grid.spacing_mm)
            row = [case.name, case.patient, "converted", shape, spacing]
            row += [done.details.get(key, "") for key in details]
            row += [f"{done.volumes_ml[label]:.3f}" for label in labels]
            write([*row, "; ".join(done.notes)])
