"""A tree of DICOM studies with structure sets as a raw data set of nnU-Net."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.raw_dataset import image_path, label_path
from nnunet_cscn.dicom.headers import Header, read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.roi_names import choose_roi, single_roi
from nnunet_cscn.dicom.series import ImageSeries, image_series
from nnunet_cscn.dicom.structures import RTSTRUCT, StructureSet, read_structures
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume


@dataclass(frozen=True)
class Region:
    """One label of the data set: its name, its value, and which region of interest it comes from."""

    label: str
    value: int
    wanted: str


@dataclass(frozen=True)
class Options:
    """What is made of the studies.

    Attributes:
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one, instead of a refusal.
        overwrite: Whether files that differ from the source are replaced.
    """

    regions: tuple[Region, ...]
    merge: bool = False
    overwrite: bool = False


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


@dataclass(frozen=True)
class ConvertedCase:
    """A case that was converted.

    Attributes:
        modality: MR, CT and so on.
        grid: Its grid.
        volumes_ml: Volume of each label.
        regions: The regions of interest that each label was made of.
        notes: What was passed over.
        is_new: Whether a file was written.
    """

    modality: str
    grid: Grid
    volumes_ml: Mapping[str, float]
    regions: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = field(default=())
    is_new: bool = True


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
        found = sorted(
            (header for header in members if header.text("SOPClassUID") == RTSTRUCT),
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


def convert_studies(
    studies: Sequence[Study],
    folder: Path,
    options: Options,
    *,
    num_processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, ConvertedCase], dict[str, str]]:
    """Write image and labels of every study.

    Args:
        studies: What ``find_studies`` found.
        folder: The raw data set.
        options: Which labels to make, and how.
        num_processes: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all.

    Returns:
        What was converted, by case; and why the others could not be.
    """
    work: dict[str, Callable[[], ConvertedCase]] = {
        study.case: partial(_convert, study, folder, options) for study in studies
    }
    return each_case(work, num_processes=num_processes, on_progress=on_progress)


def _patient_of(header: Header) -> str:
    """What the files of one patient share: the id, or the study where that is blank."""
    return header.text("PatientID") or header.text("StudyInstanceUID")


def _convert(study: Study, folder: Path, options: Options) -> ConvertedCase:
    structures = read_structures(study.structures)
    try:
        series = series_of(structures, study.series)
    except UserError as fault:
        reasons = "; ".join((str(fault), *study.damaged))
        raise UserError(reasons) from None
    grid = series.stack.grid()
    labels, regions = label_volume(structures, series, options)
    new = [
        _put(image_path(folder, study.case), read_pixels(series), grid, overwrite=options.overwrite),
        _put(label_path(folder, study.case), labels, grid, overwrite=options.overwrite),
    ]
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000
    volumes = {region.label: float(np.count_nonzero(labels == region.value)) * voxel_ml for region in options.regions}
    return ConvertedCase(series.modality, grid, volumes, regions, series.notes, any(new))


def label_volume(
    structures: StructureSet, series: ImageSeries, options: Options
) -> tuple[NDArray[np.uint8], dict[str, tuple[str, ...]]]:
    """Fill the regions of interest that the labels mean.

    Args:
        structures: The structure set.
        series: The series that it was drawn on.
        options: Which labels to make.

    Returns:
        The label map, shape (slices, rows, columns), and the regions that each label was made of.

    Raises:
        UserError: When no region fits a label, several do and they are not to be merged, or one has no contour.
    """
    names = list(structures.contours)
    volume = np.zeros(series.stack.shape, np.uint8)
    used: dict[str, tuple[str, ...]] = {}
    for region in options.regions:
        chosen = choose_roi(region.wanted, names) if options.merge else []
        chosen = chosen or [single_roi(region.wanted, names)]
        if not any(structures.contours[name] for name in chosen):
            raise UserError(f"{', '.join(chosen)}: the region has no closed contour")
        for name in chosen:
            volume[rasterise(structures.contours[name], series.stack)] = region.value
        used[region.label] = tuple(chosen)
    return volume, used


def _put(file: Path, voxels: NDArray[Any], grid: Grid, *, overwrite: bool) -> bool:
    """Write a volume unless it is there already; tell whether it was written."""
    if file.exists():
        if _holds(file, voxels, grid):
            return False
        if not overwrite:
            raise UserError(f"{file.name} is there and differs from the source: remove it or pass --overwrite")
    write_volume(file, voxels, grid)
    return True


def _holds(file: Path, voxels: NDArray[Any], grid: Grid) -> bool:
    try:
        there, place = read_voxels(file), read_grid(file)
    except UserError:
        return False
    return not grid_differences(place, grid, "the source", tolerance=1e-4) and np.array_equal(there, voxels)
