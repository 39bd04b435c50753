"""``cscn convert dicom``: a tree of DICOM studies with structure sets into nnU-Net's raw format."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import progress_bar
from nnunet_cscn.cli.conversion_result import tell_damaged
from nnunet_cscn.cli.convert_public import Overwrite, Resample, convert_and_report
from nnunet_cscn.cli.score_options import NumProcesses
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.conversion.dicom_labels import Region
    from nnunet_cscn.conversion.raw_dataset import DatasetDescription

CHANNELS = {"PT": "PET"}  # what nnU-Net users call a modality; on CT nnU-Net normalises as CT


def dicom(
    studies: Annotated[Path, typer.Argument(help="Folder with DICOM files, in any order and depth.")],
    out: Annotated[Path, typer.Argument(help="Raw folder in which the data set gets its own, such as $nnUNet_raw.")],
    *,
    dataset: Annotated[int, typer.Option("--dataset", metavar="N", help="Number of the data set, from 1 to 999.")],
    roi: Annotated[
        list[str],
        typer.Option(
            "--roi",
            metavar="[LABEL=]NAME",
            help="A region to segment: a name, a TG-263 name, or a regular expression; repeatable, one label each, "
            "a later one on top.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the data set behind its number.")] = "DICOM",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Take series of this modality alone, such as MR.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Make one label of several regions that fit, instead of refusing.")
    ] = False,
    contours: Annotated[
        Contours | None,
        typer.Option("--contours", help="Take contours from RTSTRUCT or SEG files alone, where studies have both."),
    ] = None,
    resample: Resample = False,
    overwrite: Overwrite = False,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Call cases and patients after their PatientID instead of numbers.")
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            help="Write which patient each case is, readable for you alone; cases that it names keep their numbers.",
        ),
    ] = None,
    num_processes: NumProcesses = None,
) -> None:
    """Convert DICOM series with contours (RTSTRUCT or SEG) to a data set for nnU-Net.

    Series are found by their content, put in order by their geometry and
    written with the values and the grid that they have. Contours are filled
    at voxel centres (even-odd), on the series that they were drawn on: by its
    references, or where these are stale by where the contours lie.

    Cases are numbered; names, ids and dates of patients appear nowhere, unless
    --keep-ids or a --mapping asks for them. Beside the data stand
    patients.json, a report (conversion_report.csv) and a picture of every case.

    Example: cscn convert dicom studies $nnUNet_raw --dataset 950 --roi 'GTV.*'
    """
    try:
        from nnunet_cscn.conversion.dicom_studies import Request, common_modality, find_studies
    except ImportError:
        raise UserError("DICOM needs further packages: pip install 'nnunet-cscn[dicom]'") from None
    from nnunet_cscn.conversion.case_mapping import CaseMapping, read_mapping, write_mapping
    from nnunet_cscn.conversion.case_names import CaseName, cases_by_id, numbered_cases
    from nnunet_cscn.conversion.raw_dataset import check_number_is_free, folder_name

    request = Request(_regions(roi), merge=merge, resample=resample)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UserError(f"--name {name}: letters, digits, - and _ are expected")
    labels = {region.label: region.value for region in request.regions}
    folder = folder_name(_describe(dataset, name, labels, ""))
    check_number_is_free(out / folder)
    known = CaseMapping({})
    if mapping is not None:
        known = read_mapping(mapping, folder, has_ids=keep_ids, prefix=name)
    naming = partial(
        cases_by_id if keep_ids else partial(numbered_cases, prefix=name), known=known.names, patients=known.patients
    )
    with quiet(), progress_bar() as progress:
        task = progress.add_task("looking at files", total=None)
        found = find_studies(
            studies,
            naming,
            contours=contours,
            modality=modality,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        common = common_modality(
            found.found, request, stated=(modality or "").upper()
        )  # refused before anything is written
    tell_damaged(found.n_damaged)
    if mapping is not None:
        names = [CaseName(study.case, study.patient) for study in found.found]
        write_mapping(mapping, known.with_cases(folder, names, [study.identity for study in found.found]))
    convert_and_report(
        _describe(dataset, name, labels, common),
        [study.as_case(request) for study in found.found],
        out,
        None,
        overwrite=overwrite,
        num_processes=num_processes,
        remedy=f"{mapping or '--mapping FILE'} says where they stand",
    )


def _describe(number: int, name: str, labels: dict[str, int], modality: str) -> DatasetDescription:
    from nnunet_cscn.conversion.raw_dataset import DatasetDescription

    return DatasetDescription(
        number=number,
        name=name,
        title="Converted from DICOM studies",
        channel_names=(CHANNELS.get(modality, modality),),
        labels=(("background", 0), *labels.items()),
        licence="",
        reference="",
    )


def _regions(texts: list[str]) -> tuple[Region, ...]:
    from nnunet_cscn.conversion.dicom_labels import Region

    found: list[Region] = []
    for text in texts:
        label, separator, wanted = text.partition("=")
        if not separator:
            label, wanted = re.sub(r"\W+", "", text), text
        if not label or not wanted or label in ("background", *(region.label for region in found)):
            raise UserError(f"--roi {text}: every label needs a name of its own: --roi LABEL=NAME")
        found.append(Region(label, len(found) + 1, wanted))
    return tuple(found)
