"""What stands around the cases of a converted data set: description, patients, folds, report, pictures."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from nnunet_cscn.conversion.dicom_studies import ConvertedCase, Region, Study
from nnunet_cscn.conversion.raw_dataset import DatasetDescription, dataset_json, image_path, label_path
from nnunet_cscn.conversion.splits import SPLITS_FILE, check_splits, folds_by_patient, write_splits
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.files import replacing, write_json
from nnunet_cscn.report.contours import draw_labels

REPORT = "conversion_report.csv"
PICTURES = "conversion_pictures"
CHANNELS = {"PT": "PET"}  # what a modality is called in channel_names; CT stays CT, on which nnU-Net normalises as CT


def finish_dataset(
    folder: Path,
    description: DatasetDescription,
    studies: Sequence[Study],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
) -> None:
    """Write dataset.json, patients.json, the folds where patients have several cases, and the report.

    Args:
        folder: The raw data set.
        description: What it is.
        studies: All cases that were tried.
        converted: Those that are there.
        problems: Why the others are not.

    Raises:
        UserError: When other folds are there, on which models may have been trained.
    """
    patients = {study.case: study.patient for study in studies if study.case in converted}
    splits = folds_by_patient(patients)
    if len(set(patients.values())) < len(patients) and splits:
        check_splits(folder / SPLITS_FILE, splits)
        write_splits(folder / SPLITS_FILE, splits)
    write_json(folder / "patients.json", patients)
    write_report(folder / REPORT, studies, converted, problems)
    write_json(folder / "dataset.json", dataset_json(description, case_count=len(converted)))


def describe(
    number: int, name: str, regions: Sequence[Region], converted: Mapping[str, ConvertedCase]
) -> DatasetDescription:
    """Return the description of a data set of one sequence.

    Raises:
        UserError: When the cases are of different modalities, which one network can't be normalised for.
    """
    modalities = sorted({case.modality for case in converted.values()})
    if len(modalities) > 1:
        raise UserError(f"the cases are of {' and '.join(modalities)}: convert them one by one with --modality")
    return DatasetDescription(
        number=number,
        name=name,
        title="Converted from DICOM studies with structure sets",
        channel_names=(CHANNELS.get(modalities[0], modalities[0]),),
        labels=(("background", 0), *((region.label, region.value) for region in regions)),
        licence="",
        reference="",
    )


def write_report(
    file: Path,
    studies: Sequence[Study],
    converted: Mapping[str, ConvertedCase],
    problems: Mapping[str, str],
) -> None:
    """Write one row for each case: its grid, its labels, their volumes, and what was wrong."""
    labels = list(dict.fromkeys(label for case in converted.values() for label in case.volumes_ml))
    heading = ["case", "patient", "status", "modality", "shape", "spacing_mm"]
    heading += [f"{label}_{what}" for label in labels for what in ("regions", "ml")]
    with replacing(file) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*heading, "notes"])
        for study in studies:
            case = converted.get(study.case)
            if case is None:
                blank = [""] * (len(heading) - 3)
                writer.writerow([study.case, study.patient, "failed", *blank, problems.get(study.case, "")])
                continue
            shape = "x".join(map(str, case.grid.shape))
            spacing = "x".join(f"{step:.5g}" for step in case.grid.spacing_mm)
            made = []
            for label in labels:
                made += [" + ".join(case.regions[label]), f"{case.volumes_ml[label]:.3f}"]
            row = [study.case, study.patient, "converted", case.modality, shape, spacing, *made]
            writer.writerow([*row, "; ".join(case.notes)])


def draw_cases(
    folder: Path, cases: Sequence[str], regions: Sequence[Region], *, on_progress: OnProgress | None = None
) -> None:
    """Draw every case that has no picture that is newer than its files."""
    names = {region.label: (region.value,) for region in regions}
    work = {}
    for case in cases:
        files, target = (image_path(folder, case), label_path(folder, case)), folder / PICTURES / f"{case}.png"
        if not target.exists() or target.stat().st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
            work[case] = partial(draw_labels, *files, target, names=names, title=case)
    each_case(work, num_processes=1, on_progress=on_progress)


def write_mapping(file: Path, studies: Sequence[Study]) -> None:
    """Write which patient each case is, readable for its owner alone.

    Args:
        file: A CSV file.
        studies: The cases.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["case", "patient", "PatientID", "structures"])
            writer.writerows([study.case, study.patient, study.patient_id, study.structures] for study in studies)
