"""``cscn observers``: interobserver agreement, and comparison of a model with the observers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.cut_tables import WRITES_ALL
from nnunet_cscn.cli.notes import show_notes
from nnunet_cscn.cli.score_options import DatasetJson, JsonFile, Names, Workers, chosen_names
from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.observers import Agreement


def observers(
    folders: Annotated[list[Path], typer.Argument(help="Two or more folders of label maps, one per observer.")],
    *,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FOLDER", help="Folder of model predictions for the same cases.")
    ] = None,
    names: Names = None,
    dataset_json: DatasetJson = None,
    json_file: JsonFile = None,
    consensus: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write the consensus label maps into STAPLE/ and majority/ in this folder."
        ),
    ] = None,
    workers: Workers = None,
) -> None:
    """Measure interobserver agreement and compare a model with the observers.

    The table shows every pair of observers. Then it compares each observer and
    the model with the consensus of the observers: STAPLE and majority vote (for
    two observers: the voxels that both marked). The observers contribute to the
    consensus and the model does not. So also compare the model with the pairs
    of observers. If STAPLE assigns two labels to a voxel, --consensus writes
    the first one.

    Example: cscn observers physician_1 physician_2 --model predictions
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.observers import RESERVED_NAMES, compare_observers

    named = chosen_names(names, folders, reserved=RESERVED_NAMES)
    with progress_bar() as progress:
        task = progress.add_task("comparing", total=None)
        found = compare_observers(
            dict(zip(named, folders, strict=True)),
            model=model,
            dataset_json=dataset_json,
            consensus=consensus,
            workers=workers,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if json_file is not None:
        write_json(json_file, found.to_json())
    show_notes(found.notes, WRITES_ALL)
    for label in found.labels:
        console.print(_table(label, found.for_label(label)))


def _table(label: str, agreements: list[Agreement]) -> Table:
    n_cases = len(agreements[0].cases)
    table = Table(
        title=f"{escape(label)}: agreement over {counted(n_cases, 'case')}",
        caption="Mean (SD). A case with one empty mask counts as 0 in overlaps and is left out of distances.",
    )
    for heading in ("first", "second"):
        table.add_column(heading, overflow="fold")
    for heading in ("DSC", "F1 of means", "ASSD mm", "HD95 mm", "NSD 2 mm"):
        table.add_column(heading, justify="right")
    for agreement in agreements:
        together = agreement.aggregate

        def mean_and_sd(key: str, digits: int) -> str:
            found = together.statistics[key]  # noqa: B023  called at once
            return f"{format_number(found.mean, digits)} ({format_number(found.sd, digits)})"

        table.add_row(
            escape(agreement.first),
            escape(agreement.second),
            mean_and_sd("dsc", 3),
            format_number(together.f1_of_means, 3),
            mean_and_sd("assd_mm", 2),
            mean_and_sd("hd95_mm", 2),
            mean_and_sd("nsd_2mm", 3),
        )
    return table
