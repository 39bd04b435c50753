"""A tree of DICOM studies with structure sets, as cases."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.pipeline import LoadedCase, SourceCase
from nnunet_cscn.dicom.headers import Header, read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.roi_names import choose_roi, single_roi
from nnunet_cscn.dicom.series import ImageSeries, image_series
from nnunet_cscn.dicom.structures import RTSTRUCT, StructureSet, read_structures
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.files import replacing


@dataclass(frozen=True)
class Region:
    """One label of the data set: its name, its value, and which region of interest it comes from."""

    label: str
    value: int
    wanted: str


@dataclass(frozen=True)
class Study:
    """What there is of one structure set.

    Attributes:
        case: The case's name, which says nothing of the patient.
        patient: The patient's pseudonym.
        patient_id: PatientID: only for a mapping that is asked for.
        structures: The RTSTRUCT file.
        series: All series of the patient.
        damaged: Why further series of the patient can't be used.
    """

    case: str
    patient: str
    patient_id: str
    structures: Path
    series: tuple[ImageSeries, ...]
    damaged: tuple[str, ...] = ()

    def matched(self, regions: Sequence[Region]) -> tuple[StructureSet, ImageSeries]:
        """Read the structure set, and find the series that its regions were drawn on.

        Args:
            regions: The labels, whose regions of interest count.

        Raises:
            UserError: When it can't be read, or no single series fits.
        """
        structures = read_structures(self.structures)
        names = list(structures.contours)
        chosen = [name for region in regions for name in choose_roi(region.wanted, names)]
        try:
            return structures, series_of(structures, self.series, regions=chosen or None)
        except UserError as fault:
            raise UserError("; ".join((str(fault), *self.damaged))) from None

    def as_case(self, regions: Sequence[Region], *, merge: bool) -> SourceCase:
        """Return the case that this makes.

        Args:
            regions: The labels; where two overlap, the later one is on top.
            merge: Whether several regions of interest that fit one label become one, instead of a refusal.
        """
        return SourceCase(self.case, self.patient, partial(_load, self, regions, merge=merge))


def find_studies(
    source: Path, *, prefix: str, modality: str | None = None, on_progress: OnProgress | None = None
) -> list[Study]:
    """Find every structure set below a folder, and the series of its patient.

    Cases are numbered in the order of patients, studies and files, so that the same source gives the same names.

    Args:
        source: Any mess of folders and files.
        prefix: What the cases' names start with.
        modality: Take series of this modality alone; None for all.
        on_progress: Called with the number of files that were looked at, and of all.

    Raises:
        UserError: When there is no such folder or no structure set in it.
    """
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder")
    headers = read_headers(source, on_progress=on_progress)
    by_patient: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        by_patient[_patient_of(header)].append(header)
    studies, n_patients = list[Study](), 0
    for key in sorted(by_patient):
        members = by_patient[key]
        structure_sets = {header.instance: header for header in members if header.text("SOPClassUID") == RTSTRUCT}
        found = sorted(  # copies of a file are one
            structure_sets.values(),
            key=lambda header: (header.text("StudyInstanceUID"), str(header.file)),
        )
        if not found:
            continue
        n_patients += 1
        series, problems = image_series(members)
        for header in found:
            studies.append(
                Study(
                    case=f"{prefix}_{len(studies) + 1:03d}",
                    patient=f"patient_{n_patients:03d}",
                    patient_id=header.text("PatientID"),
                    structures=header.file,
                    series=tuple(each for each in series if modality in (None, each.modality)),
                    damaged=tuple(problems.values()),
                )
            )
    if not studies:
        raise UserError(f"{source}: there is no RTSTRUCT file among {len(headers)} DICOM files")
    return studies


def common_modality(studies: Sequence[Study], regions: Sequence[Region]) -> str:
    """Return the modality of the series that all studies were drawn on; empty where none can be used.

    Raises:
        UserError: When they are of different ones, which one network can't be normalised for.
    """
    matched, _ = each_case({study.case: partial(study.matched, regions) for study in studies})
    modalities = sorted({series.modality for _, series in matched.values()})
    if len(modalities) > 1:
        raise UserError(f"the studies are of {' and '.join(modalities)}: convert them one by one with --modality")
    return modalities[0] if modalities else ""


def write_mapping(file: Path, studies: Sequence[Study]) -> None:
    """Write which patient each case is, readable for its owner alone.

    Args:
        file: A CSV file.
        studies: The cases.
    """
    with replacing(file) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["case", "patient", "PatientID", "structures"])
            writer.writerows([study.case, study.patient, study.patient_id, study.structures] for study in studies)


def label_volume(
    structures: StructureSet, series: ImageSeries, regions: Sequence[Region], *, merge: bool
) -> tuple[NDArray[np.uint8], dict[str, str]]:
    """Fill the regions of interest that the labels mean.

    Args:
        structures: The structure set.
        series: The series that it was drawn on.
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one.

    Returns:
        The label map, shape (slices, rows, columns), and which regions of interest each label was made of.

    Raises:
        UserError: When no region fits a label, several do and they are not to be merged, or one has no contour.
    """
    names = list(structures.contours)
    volume = np.zeros(series.stack.shape, np.uint8)
    used: dict[str, str] = {}
    for region in regions:
        chosen = choose_roi(region.wanted, names) if merge else []
        chosen = chosen or [single_roi(region.wanted, names)]
        if not any(structures.contours[name] for name in chosen):
            raise UserError(f"{', '.join(chosen)}: there is no closed contour")
        for name in chosen:
            mask = rasterise(structures.contours[name], series.stack)
            if structures.contours[name] and not mask.any():
                raise UserError(f"{name}: the contours hold the centre of no voxel")
            volume[mask] = region.value
        used[f"{region.label}_regions"] = " + ".join(chosen)
    return volume, used


def _patient_of(header: Header) -> str:
    """What the files of one patient share: the id, or the study where that is blank."""
    return header.text("PatientID") or header.text("StudyInstanceUID")


def _load(study: Study, regions: Sequence[Region], *, merge: bool) -> LoadedCase:
    structures, series = study.matched(regions)
    labels, used = label_volume(structures, series, regions, merge=merge)
    details = {"modality": series.modality, **used}
    return LoadedCase([read_pixels(series)], labels, series.stack.grid(), series.notes, details)
