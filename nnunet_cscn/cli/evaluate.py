"""``cscn evaluate``: metrics of a folder of predictions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.folder import FolderScores


def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps (*.nii.gz or *.nii).")],
    references: Annotated[Path, typer.Argument(help="Folder of reference label maps with the same names.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all scores to this JSON file.")
    ] = None,
    dataset_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="nnU-Net dataset.json with the labels' names, regions and the ignore label. "
            "Without it, every number above 0 in the files is a label.",
        ),
    ] = None,
    num_processes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Cases evaluated at the same time; as many as processors by default."),
    ] = None,
) -> None:
    """Compare predictions with references: DSC, precision, recall, F1, ASSD and HD95.

    Every case needs a file of the same name and the same grid in both folders.
    Files that nnU-Net puts beside its predictions are passed over. Voxels with
    the ignore label in the reference take no part.

    Where one mask is empty, DSC counts as 0 and the distances are infinite;
    where both are, the case is left out of the means. The table says how many
    such cases there are.

    Example: cscn evaluate predictions labelsTs --json scores.json
    """
    from nnunet_cscn.evaluation.folder import evaluate_folders
    from nnunet_cscn.evaluation.labels import read_labels
    from nnunet_cscn.files import write_json

    if json_file is not None and json_file.is_dir():
        raise UserError(f"--json {json_file}: a file is expected, this is a folder")
    labels = read_labels(dataset_json) if dataset_json is not None else None
    with progress_bar() as progress:
        task = progress.add_task("evaluating", total=None)
        scores = evaluate_folders(
            predictions,
            references,
            labels=labels,
            num_processes=num_processes,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    try:
        if json_file is not None:
            write_json(json_file, scores.to_json())
    except OSError as fault:
        raise UserError(f"--json {json_file}: the file can't be written ({fault.strerror})") from None
    finally:
        console.print(_case_table(scores))
        console.print(_aggregate_table(scores))


def _case_table(scores: FolderScores) -> Table:
    table = Table(title="Cases", caption="For a single case, F1 is the same number as DSC.")
    for heading in ("case", "label"):
        table.add_column(heading, overflow="fold")
    for heading in ("DSC", "precision", "recall", "ASSD mm", "HD95 mm"):
        table.add_column(heading, justify="right")
    for case, by_label in scores.cases.items():
        for label, score in by_label.items():
            counts = score.counts
            overlap = (_number(value, 3) for value in (counts.dsc, counts.precision, counts.recall))
            table.add_row(escape(case), escape(label), *overlap, _number(score.assd_mm, 2), _number(score.hd95_mm, 2))
    return table


def _aggregate_table(scores: FolderScores) -> Table:
    table = Table(
        title="All cases",
        caption="DSC and F1 count a case with one empty mask as 0 and leave out a case with two. ASSD is the mean of "
        "the finite ones; 'inf' counts the infinite ones that are left out.",
    )
    table.add_column("label", overflow="fold")
    for heading in ("n", "DSC mean", "F1 of means", "DSC agg", "ASSD mm", "inf", "only ref. empty", "only pred. empty"):
        table.add_column(heading, justify="right")
    table.add_column("both empty", justify="right")
    for label, together in scores.aggregate.items():
        means = (_number(value, 3) for value in (together.dsc_mean, together.f1_of_means, together.dsc_agg))
        empty = (together.n_empty_reference, together.n_empty_prediction, together.n_both_empty)
        counts = (str(count) for count in (together.n_infinite_distance, *empty))
        table.add_row(escape(label), str(together.n), *means, _number(together.assd_mm_mean, 2), *counts)
    return table


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "-"
    return "inf" if math.isinf(value) else f"{value:.{digits}f}"
