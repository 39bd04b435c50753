"""Convert DICOM studies with contours to nnU-Net's raw format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from nnunet_cscn.conversion.case_mapping import CaseMapping, read_mapping, write_mapping
from nnunet_cscn.conversion.case_names import CaseName, cases_by_id, numbered_cases
from nnunet_cscn.conversion.dicom_cases import Request, common_modality, load_study, match_study
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.conversion.dicom_labels import Region
from nnunet_cscn.conversion.dicom_studies import Study, find_studies
from nnunet_cscn.conversion.raw_dataset import DatasetDescription, check_number_is_free, folder_name, own_dataset
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.case_pool import process_cases
from nnunet_cscn.nnunet.folders import raw_folder
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.convert_cases import convert_cases
from nnunet_cscn.workflows.progress import OnStepProgress, for_step

_CHANNELS = {"PT": "PET"}  # the usual channel names in nnU-Net; a channel named CT gets CT normalisation


def convert_dicom(
    studies: str | Path,
    out: str | Path | None = None,
    *,
    dataset_id: int,
    rois: Mapping[str, str],
    name: str = "DICOM",
    modality: str | None = None,
    merge: bool = False,
    contours: Contours | None = None,
    resample: bool = False,
    overwrite: bool = False,
    keep_ids: bool = False,
    mapping: str | Path | None = None,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> ConversionResult:
    """Convert DICOM series with contours (RTSTRUCT or SEG).

    The function finds series by the content of the files and sorts slices by geometry. Voxel values and grid do not
    change. It fills contours at voxel centres (even-odd rule) on the series on which they were drawn. It finds this
    series by its DICOM reference. If the reference is outdated, it uses the position of the contours.

    Cases are numbered. Patient names, IDs and dates are not written, unless you use ``keep_ids`` or ``mapping``. The
    function needs the extra ``[dicom]``.

    Args:
        studies: Folder with DICOM files. Subfolders are searched.
        out: The raw folder. None for ``$nnUNet_raw``.
        dataset_id: Number of the data set, from 1 to 999.
        rois: For each label name, its ROI: an ROI name, a TG-263 name or a regular expression. Labels get the values 1,
            2, 3 and so on. If two labels overlap, the later one is on top.
        name: Name of the data set. Names of numbered cases start with it.
        modality: Use only series of this modality, such as MR. Images without a modality are treated as this modality.
        merge: Merge several matching ROIs into one label. Otherwise such a case is an error.
        contours: Use only ``rtstruct`` or only ``seg`` files. None for RTSTRUCT, and SEG in studies without RTSTRUCT.
        resample: Resample segmentations with other grids onto the grid of the image. Otherwise such a case is an error.
        overwrite: Replace existing files that differ from the source. Otherwise such a case is an error.
        keep_ids: Name cases and patients by their PatientID instead of numbers.
        mapping: File with the patient of each case. Only you can read it. Cases that are listed in it keep their
            numbers.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the step, the number of finished files or cases of this step and of all. Steps:
            ``"looking at files"``, ``"converting"``, ``"drawing"``.

    Returns:
        The converted cases, and for each other case the reason.

    Raises:
        ArgumentError: When an argument is not valid, or the series have different modalities.
        UserError: When the folder does not exist or contains no contours, the mapping belongs to another data set, and
            as for ``convert_cases``.

    Example::

        result = convert_dicom("studies", "raw", dataset_id=950, rois={"GTVp": "GTV.*"})
        print(result.report, result.problems)
    """
    if contours is not None and contours not in get_args(Contours):
        raise ArgumentError("contours", f"expected {' or '.join(get_args(Contours))}, got {contours}")
    request = Request(_regions(rois), merge=merge, resample=resample)
    folder = (raw_folder() if out is None else Path(out)) / folder_name(
        _describe(dataset_id, name, request, modality="")
    )
    check_number_is_free(folder)
    known = CaseMapping({})
    if mapping is not None:
        known = read_mapping(Path(mapping), folder.name, has_ids=keep_ids, prefix=name)
    with quiet():
        found = find_studies(
            Path(studies), contours=contours, modality=modality, on_progress=for_step(on_progress, "looking at files")
        )
        common = _common_modality(found.found, request, stated=modality)  # raise errors before anything is written
    identities = [study.identity for study in found.found]
    if keep_ids:
        names = cases_by_id(identities, known.names, known.patients)
    else:
        names = numbered_cases(identities, name, known.names, known.patients)
    if mapping is not None:
        write_mapping(Path(mapping), known.with_cases(folder.name, names, identities))
    result = convert_cases(
        _describe(dataset_id, name, request, modality=common),
        _cases(found.found, names, request),
        out,
        overwrite=overwrite,
        workers=workers,
        on_progress=on_progress,
    )
    return replace(result, n_damaged=found.n_damaged)


def _regions(rois: Mapping[str, str]) -> tuple[Region, ...]:
    if not rois:
        raise ArgumentError("rois", "expected at least one label")
    for label, wanted in rois.items():
        if not label or not wanted or label == "background":
            raise ArgumentError("rois", f"each label needs its own name and its own ROI, got {label}={wanted}")
    return tuple(Region(label, value, wanted) for value, (label, wanted) in enumerate(rois.items(), start=1))


def _describe(dataset_id: int, name: str, request: Request, *, modality: str) -> DatasetDescription:
    return own_dataset(
        dataset_id,
        name,
        title="Converted from DICOM studies",
        channel_names=(_CHANNELS.get(modality, modality),),
        labels={region.label: region.value for region in request.regions},
    )


def _common_modality(studies: Sequence[Study], request: Request, *, stated: str | None) -> str:
    """Return the common modality of all usable series with contours."""
    work = {str(number): partial(match_study, study, request) for number, study in enumerate(studies)}
    matched, _ = process_cases(work)
    return common_modality(match.series.modality or (stated or "").upper() for _, match in matched.values())


def _cases(studies: Sequence[Study], names: Sequence[CaseName], request: Request) -> list[SourceCase]:
    return [
        SourceCase(name.case, name.patient, partial(load_study, study, request))
        for study, name in zip(studies, names, strict=True)
    ]
