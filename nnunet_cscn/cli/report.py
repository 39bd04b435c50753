"""``cscn report``: everything about a folder of predictions on one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.score_options import (
    DatasetJson,
    EmptyDistanceOption,
    NumProcesses,
    SkipBad,
    Tolerances,
    tolerances_mm,
)
from nnunet_cscn.errors import UserError

MANY_LABELS = 4


def report(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps (*.nii.gz or *.nii).")],
    references: Annotated[Path, typer.Argument(help="Folder of reference label maps with the same names.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")] = Path(
        "report.html"
    ),
    images: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The images, named as nnU-Net does; without them, contours are on black."),
    ] = None,
    channel: Annotated[int, typer.Option(min=0, metavar="N", help="Which channel of the images to show.")] = 0,
    show: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            show_default="2, of many labels 1",
            help="How many of the worst, median and best cases of each label to show; the page grows with them.",
        ),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="NAME", help="A case to show as well, repeatable.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.", show_default="from the folder")] = None,
    dataset_json: DatasetJson = None,
    nsd: Tolerances = "1,2,3",
    empty_distance: EmptyDistanceOption = "infinite",
    skip_bad: SkipBad = False,
    num_processes: NumProcesses = None,
) -> None:
    """Write a page about a folder of predictions, to read and to show.

    One HTML file that opens offline: a summary in words and numbers; the worst,
    median and best cases with contours in three views and a surface that can
    be turned; the spread of every metric; volumes; and a table of all cases
    that sorts and filters. The charts are also written as PNG and SVG, into a
    folder beside it.

    The page holds slices of the images and the names of the cases: share it as
    you would share those.

    Example: cscn report predictions labelsTs --images imagesTs -o report.html
    """
    from nnunet_cscn.evaluation.folder import evaluate_folders
    from nnunet_cscn.evaluation.labels import read_labels
    from nnunet_cscn.nifti.voxels import ENDINGS
    from nnunet_cscn.report.provenance import Provenance
    from nnunet_cscn.report.writing import write_report

    if output.is_dir() or output.suffix.lower() not in {".html", ".htm"}:
        raise UserError(f"--output {output}: a file whose name ends with .html is expected")
    if images is not None and not images.is_dir():
        raise UserError(f"--images {images}: there is no such folder")
    if absent := [name for name in case or () if not any((references / f"{name}{end}").is_file() for end in ENDINGS)]:
        raise UserError(f"--case {absent[0]}: there is no such case in {references}")
    with progress_bar() as progress:
        task = progress.add_task("evaluating", total=None)
        scores = evaluate_folders(
            predictions,
            references,
            labels=read_labels(dataset_json) if dataset_json is not None else None,
            tolerances_mm=tolerances_mm(nsd),
            empty_distance=empty_distance,
            skip_bad=skip_bad,
            workers=num_processes,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        task = progress.add_task("drawing", total=None)
        figures = write_report(
            output,
            scores,
            Provenance.of_process(sys.argv),
            title=title if title is not None else f"Segmentation report: {predictions.absolute().name}",
            images=images,
            channel=channel,
            n_each=show if show is not None else 2 if len(scores.labels) <= MANY_LABELS else 1,
            wanted=case or (),
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    size = f"{len(scores.cases)} cases, {output.stat().st_size / 1e6:.1f} MB"
    console.print(f"{output}: {size}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{figures}: its charts as PNG and SVG", markup=False, highlight=False, soft_wrap=True)
