"""``cscn convert dicom``: a tree of DICOM studies with structure sets into nnU-Net's raw format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import progress_bar
from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.cli.score_options import NumProcesses
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.conversion.dicom_studies import Region
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
            help="A region to segment: a name, a TG-263 name, or a regular expression; repeatable, one label each.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the data set behind its number.")] = "DICOM",
    modality: Annotated[
        str | None, typer.Option("--modality", help="Take series of this modality alone, such as MR.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Make one label of several regions that fit, instead of refusing.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that differ from the source.")] = False,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE", help="Write which patient each case is; readable for you alone."),
    ] = None,
    num_processes: NumProcesses = None,
) -> None:
    """Convert DICOM series with RTSTRUCT contours to a data set for nnU-Net.

    Series are found by their content, put in order by their geometry and
    written with the values and the grid that they have. Contours are filled
    at voxel centres (even-odd), on the series that they were drawn on: by its
    references, or where these are stale by where the contours lie.

    Cases are numbered; names, ids and dates of patients appear nowhere, unless
    a --mapping is asked for. Beside the data stand patients.json, a report
    (conversion_report.csv) and a picture of every case.

    Example: cscn convert dicom studies $nnUNet_raw --dataset 950 --roi 'GTV.*'
    """
    try:
        from nnunet_cscn.conversion.dicom_studies import common_modality, find_studies, write_mapping
    except ImportError:
        raise UserError("DICOM needs further packages: pip install 'nnunet-cscn[dicom]'") from None
    from nnunet_cscn.conversion.pipeline import convert_cases, draw_cases, finish_dataset
    from nnunet_cscn.conversion.raw_dataset import check_number_is_free

    regions = _regions(roi)
    if not 1 <= dataset <= 999:
        raise UserError(f"--dataset {dataset}: expected a number from 1 to 999")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UserError(f"--name {name}: letters, digits, - and _ are expected")
    folder = out / f"Dataset{dataset:03d}_{name}"
    check_number_is_free(folder)
    with quiet(), progress_bar() as progress:
        task = progress.add_task("looking at files", total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        found = find_studies(studies, prefix=name, modality=modality, on_progress=report)
        if mapping is not None:
            write_mapping(mapping, found)
        common = common_modality(found, regions)  # refused before anything is written
        task = progress.add_task("converting", total=None)
        labels = {region.label: region.value for region in regions}
        cases = [study.as_case(regions, merge=merge) for study in found]
        converted, problems = convert_cases(
            cases, folder, labels, overwrite=overwrite, num_processes=num_processes, on_progress=report
        )
        if converted:
            finish_dataset(folder, _describe(dataset, name, labels, common), cases, converted, problems)
            task = progress.add_task("drawing", total=None, visible=False)
            draw_cases(folder, list(converted), labels, on_progress=report)
    remedy = f"{mapping or '--mapping FILE'} says where they stand"
    show_result(folder, converted, problems, remedy=remedy)


def _describe(number: int, name: str, labels: dict[str, int], modality: str) -> DatasetDescription:
    from nnunet_cscn.conversion.raw_dataset import DatasetDescription

    return DatasetDescription(
        number=number,
        name=name,
        title="Converted from DICOM studies with structure sets",
        channel_names=(CHANNELS.get(modality, modality),),
        labels=(("background", 0), *labels.items()),
        licence="",
        reference="",
    )


def _regions(texts: list[str]) -> tuple[Region, ...]:
    from nnunet_cscn.conversion.dicom_studies import Region

    found: list[Region] = []
    for text in texts:
        label, separator, wanted = text.partition("=")
        if not separator:
            label, wanted = re.sub(r"\W+", "", text), text
        if not label or not wanted or label in ("background", *(region.label for region in found)):
            raise UserError(f"--roi {text}: every label needs a name of its own: --roi LABEL=NAME")
        found.append(Region(label, len(found) + 1, wanted))
    return tuple(found)
