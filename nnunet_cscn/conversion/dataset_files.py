"""Write the files of a raw data set that describe its cases: report, dataset.json, patients.json and folds."""

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
    """Return folds that keep all cases of a patient together. None if no patient has several cases, or for one patient.

    The number of folds is that of an earlier run, if there was one, so that a data set of few patients can grow.

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

    A case that cannot be converted, but has files from an earlier run, belongs to the data set.

    Args:
        folder: The raw data set.
        description: Its description.
        cases: All cases of the source.
        converted: The converted cases, by name.
        problems: For each other case, the reason.
        folds: Folds of all cases. They are written without the cases that are missing. None for the folds of nnU-Net.

    Raises:
        UserError: When the folder contains different folds, because models may have been trained on them.
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
