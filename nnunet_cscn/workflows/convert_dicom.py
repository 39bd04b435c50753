"""Convert DICOM studies with contours to nnU-Net's raw format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from nnunet_cscn.conversion.case_mapping import CaseMapping, read_mapping, write_mapping
from nnunet_cscn.conversion.case_names import CaseName, cases_by_id, numbered_cases
from nnunet_cscn.conversion.dicom_cases import ImageCase, Request, common_modality, image_cases, load_case
from nnunet_cscn.conversion.dicom_channels import match_for_channels, with_usual_reference
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.conversion.dicom_labels import Region
from nnunet_cscn.conversion.dicom_match import StudyMatch, match_study
from nnunet_cscn.conversion.dicom_regions import Handling
from nnunet_cscn.conversion.dicom_studies import Study, find_studies
from nnunet_cscn.conversion.patient_series import WantedSeries
from nnunet_cscn.conversion.raw_dataset import DatasetDescription, check_number_is_free, folder_name, own_dataset
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.dicom.channels import ChannelPatterns
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
    series: str | None = None,
    merge: bool = False,
    contours: Contours | None = None,
    resample: bool = False,
    optional: Sequence[str] = (),
    interpolate: bool = False,
    allow_loss: bool = False,
    channels: Mapping[str, str] | None = None,
    optional_channels: Sequence[str] = (),
    reference: str = "",
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
        series: Use only series that fit this regular expression. It is searched for in the description, protocol and
            sequence name, in upper or lower case, and in what separates the volumes of one series, such as
            ``phase 2 of 5``. It chooses where contours do not say on which series they were drawn.
        merge: Merge several matching ROIs into one label. Otherwise such a case is an error.
        contours: Use only ``rtstruct`` or only ``seg`` files. None for RTSTRUCT, and SEG in studies without RTSTRUCT.
        resample: Resample segmentations with other grids onto the grid of the image, and regions that were drawn on
            another modality than ``modality`` onto the series with the same frame of reference. Otherwise such a case
            is an error.
        optional: Labels that a case may lack.
        interpolate: Fill slices without a contour between slices with one, by shape.
        allow_loss: Convert a case even if a part of a region cannot be used. Otherwise such a case is an error.
        channels: A regular expression for each channel by its name, to convert several series of each study. It is
            searched for in the description, protocol and sequence name of the series, in upper or lower case. Series
            on another grid than the contoured one are resampled onto it. The patterns are stored in dataset.json, so
            that ``predict_dicom`` finds the same channels. None for the contoured series as the only channel.
        optional_channels: Channels that a study may lack. They are filled with zeros.
        reference: The channel whose grid counts instead of that of the contoured series. Regions that were drawn on
            other series are resampled onto it.
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
    _check_pattern(series)
    patterns = _patterns(channels, optional_channels, reference)
    handling = Handling(resample=resample or bool(reference), interpolate=interpolate, allow_loss=allow_loss)
    request = Request(_regions(rois, optional), merge=merge, handling=handling, channels=patterns)
    folder = (raw_folder() if out is None else Path(out)) / folder_name(
        _describe(dataset_id, name, request, modality="")
    )
    check_number_is_free(folder)
    known = CaseMapping({})
    if mapping is not None:
        known = read_mapping(Path(mapping), folder.name, has_ids=keep_ids, prefix=name)
    with quiet():
        found = find_studies(
            Path(studies),
            contours=contours,
            wanted=WantedSeries(modality, series),
            on_progress=for_step(on_progress, "looking at files"),
        )
        cases = _image_cases(found.found, request, workers)
        if patterns is None:
            common = _common_modality(cases, stated=modality)  # refused before anything is written
        else:
            common, matches = "", [match for case in cases for match in case.matches]
            request = replace(request, channels=with_usual_reference(patterns, matches))
    identities = [case.identity(known.names) for case in cases]
    if keep_ids:
        names = cases_by_id(identities, known.names, known.patients)
    else:
        names = numbered_cases(identities, name, known.names, known.patients)
    if mapping is not None:
        write_mapping(Path(mapping), known.with_cases(folder.name, names, identities))
    result = convert_cases(
        _describe(dataset_id, name, request, modality=common),
        _source_cases(cases, names, request),
        out,
        overwrite=overwrite,
        workers=workers,
        on_progress=on_progress,
    )
    return replace(result, n_damaged=found.n_damaged, n_archives=found.n_archives)


def _regions(rois: Mapping[str, str], optional: Sequence[str]) -> tuple[Region, ...]:
    if not rois:
        raise ArgumentError("rois", "expected at least one label")
    for label, wanted in rois.items():
        if not label or not wanted or label == "background":
            raise ArgumentError("rois", f"each label needs its own name and its own ROI, got {label}={wanted}")
    if unknown := [label for label in optional if label not in rois]:
        raise ArgumentError("optional", f"expected labels among {', '.join(rois)}; got {', '.join(unknown)}")
    return tuple(
        Region(label, value, wanted, is_optional=label in optional)
        for value, (label, wanted) in enumerate(rois.items(), start=1)
    )


def _check_pattern(series: str | None) -> None:
    try:
        re.compile(series or "")
    except re.error as fault:
        raise ArgumentError("series", f"{series} is not a regular expression: {fault}") from None


def _patterns(
    channels: Mapping[str, str] | None, optional_channels: Sequence[str], reference: str
) -> ChannelPatterns | None:
    if channels:
        return ChannelPatterns(channels, tuple(optional_channels), reference)
    for argument, value in (("optional_channels", optional_channels), ("reference", reference)):
        if value:
            raise ArgumentError(argument, "it needs channels: name the channels and their patterns")
    return None


def _describe(dataset_id: int, name: str, request: Request, *, modality: str) -> DatasetDescription:
    patterns = request.channels
    description = own_dataset(
        dataset_id,
        name,
        title="Converted from DICOM studies",
        channel_names=(_CHANNELS.get(modality, modality),) if patterns is None else tuple(patterns.patterns),
        labels={region.label: region.value for region in request.regions},
    )
    return description if patterns is None else replace(description, channel_patterns=patterns.to_json())


def _match(study: Study, request: Request) -> StudyMatch:
    match = partial(match_study, wanted=request.wanted, handling=request.handling)
    return match(study) if request.channels is None else match_for_channels(study, request.channels, match)


def _image_cases(studies: Sequence[Study], request: Request, workers: int | None) -> list[ImageCase]:
    work = {str(number): partial(_match, study, request) for number, study in enumerate(studies)}
    matched, problems = process_cases(work, workers=workers)
    return image_cases(
        studies,
        {int(number): match for number, match in matched.items()},
        {int(number): problem for number, problem in problems.items()},
    )


def _common_modality(cases: Sequence[ImageCase], *, stated: str | None) -> str:
    """The modality of the images of all cases, as far as they were found."""
    found = [case.series for case in cases if case.series is not None]
    return common_modality(series.modality or (stated or "").upper() for series in found)


def _source_cases(cases: Sequence[ImageCase], names: Sequence[CaseName], request: Request) -> list[SourceCase]:
    return [
        SourceCase(name.case, name.patient, partial(load_case, case, request))
        for case, name in zip(cases, names, strict=True)
    ]
