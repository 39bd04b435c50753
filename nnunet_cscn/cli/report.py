"""``cscn report``: write an HTML report about a folder of predictions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.notes import show_notes
from nnunet_cscn.cli.score_options import (
    DatasetJson,
    EmptyDistanceOption,
    SkipBad,
    Tolerances,
    Workers,
    tolerances_mm,
)
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.texts import counted


def report(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps, such as case_1.nii.gz.")],
    references: Annotated[Path, typer.Argument(help="Folder of reference label maps with the same names.")],
    *,
    file: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="HTML file to write.")] = Path(
        "report.html"
    ),
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Images with nnU-Net file names. Without them, contours have a black background."
        ),
    ] = None,
    channel: Annotated[int, typer.Option(min=0, metavar="N", help="Image channel to show, counted from 0.")] = 0,
    show: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            show_default="2; 1 if there are many labels",
            help="Number of worst, median and best cases to show per label. More cases make a larger file.",
        ),
    ] = None,
    cases: Annotated[
        list[str] | None, typer.Option("--case", metavar="NAME", help="Additional case to show. Repeat for several.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.", show_default="from the folder name")] = None,
    dataset_json: DatasetJson = None,
    nsd: Tolerances = "1,2,3",
    empty_distance: EmptyDistanceOption = "infinite",
    skip_bad: SkipBad = False,
    workers: Workers = None,
) -> None:
    """Write an HTML report about a folder of predictions.

    The report is one HTML file that works offline. It shows a summary, the
    distribution of every metric, and volumes. The worst, median and best cases
    have contours in three views and a rotatable 3D surface. You can sort and
    filter the table of all cases. The charts are also written as PNG and
    SVG, into a folder next to the report.

    The report contains image slices and case names. Protect it like the images.

    Example: cscn report predictions labelsTs --images imagesTs -o report.html
    """
    from nnunet_cscn.workflows.report import write_report

    with step_progress() as on_progress:
        written = write_report(
            file,
            predictions,
            references,
            images=images,
            channel=channel,
            show=show,
            cases=cases or (),
            title=title,
            dataset_json=dataset_json,
            tolerances_mm=tolerances_mm(nsd),
            empty_distance=empty_distance,
            skip_bad=skip_bad,
            workers=workers,
            command=sys.argv,
            on_progress=on_progress,
        )
    size = f"{counted(len(written.scores.cases), 'case')}, {file.stat().st_size / 1e6:.1f} MB"
    console.print(f"{file}: {size}", markup=False, highlight=False, soft_wrap=True)
    show_notes(written.scores.notes, f"see {file}")
    console.print(f"{written.figures}: its charts as PNG and SVG", markup=False, highlight=False, soft_wrap=True)
