"""What a raw data set holds beside its cases: report, dataset.json, patients.json and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunet_cscn.conversion.converted_case import ConvertedCase
from nnunet_cscn.conversion.raw_dataset import DatasetDescription, dataset_json, has_files
from nnunet_cscn.conversion.report_file import REPORT, write_report
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.splits.cross_validation import (
    FOLD_COUNT,
    SPLITS_FILE,
    Splits,
    folds_by_patient,
    folds_of,
    write_splits,
)


def plan_folds(folder: Path, cases: Sequence[SourceCase]) -> Splits | None:
    """Return folds that keep patients together, where patients have several cases; None otherwise, or for one patient.

    Where folds of an earlier run are there, as many are made, so that a data set of few patients can grow.

    Args:
        folder: The raw data set.
        cases: All cases of the source.
    """
    patients = {case.name: case.patient for case in sorted(cases, key=lambda case: case.patient)}
    if len(set(patients.values())) == len(patients):
        return None
    file = folder / SPLITS_FILE
    there = read_json_file(file) if file.exists() else None
    n_folds = len(there) if isinstance(there, list) and len(there) > 1 else FOLD_COUNT
    return folds_by_patient(patients, fold_count=n_folds) or None


def finish_dataset(
    folder: Path,
    description: DatasetDescription,
    cases: Sequence[SourceCase],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
    *,
    folds: Splits | None = None,
) -> None:
    """Write the report, dataset.json, patients.json and the folds.

    Cases that can't be converted now, but whose files of an earlier run are still there, are part of the data set.

    Args:
        folder: The raw data set.
        description: What it is.
        cases: All cases that were tried.
        converted: Those that are there.
        problems: Why the others are not.
        folds: Folds of all cases, of which those that are there are written; None for nnU-Net's own.

    Raises:
        UserError: When other folds are there, on which models may have been trained.
    """
    write_report(folder / REPORT, cases, converted, problems)
    patients = {case.name: case.patient for case in cases if case.name in converted or has_files(folder, case.name)}
    write_json(folder / "patients.json", patients)
    write_json(folder / "dataset.json", dataset_json(description, case_count=len(patients)))
    if folds:
        kept = folds_of(folds, patients)
        if not all(names for fold in kept for names in fold.values()):  # too few cases are there for all of them
            by_name = dict(sorted(patients.items(), key=lambda pair: pair[1]))
            kept = folds_by_patient(by_name, fold_count=len(folds))
        if kept:
            write_splits(folder / SPLITS_FILE, kept)
