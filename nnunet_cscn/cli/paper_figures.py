"""``cscn paper figures``: Figures 4 to 8 of the paper for the user's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.paper_options import Budget, Configuration, Dataset, Methods, prepared_runs
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.paper.runs import PaperRun

N_CASES = 3


def figures(
    dataset: Dataset,
    *,
    configuration: Configuration = "3d_cscn_paper",
    budget: Budget = 1.0,
    methods: Methods = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder for the figures.")] = Path(
        "paper_figures"
    ),
    cases: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", show_default="the quartiles of CSCN's DSC", help="Cases for Figure 7, such as a,b,c."
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(show_default="first label", help="Label to show.")] = None,
) -> None:
    """Draw Figures 4 to 8 of the paper, each as PNG and SVG.

    Figures 4 to 6: accuracy, loss and learning rate of each training iteration,
    and the validation values after each epoch. Figure 7: slices of several
    cases side by side. Figure 8: surfaces of the middle case of Figure 7 from
    three directions.

    Example: cscn paper figures 901 --budget 0.05 -o figures
    """
    runs = prepared_runs(dataset, configuration, budget, methods)
    from nnunet_cscn.paper.case_figures import write_slices_figure, write_surfaces_figure
    from nnunet_cscn.paper.curve_figures import write_curve_figures
    from nnunet_cscn.paper.runs import by_method
    from nnunet_cscn.paper.scores import labels_of
    from nnunet_cscn.paper.shown_cases import read_shown_case

    known = list(labels_of(runs[0].training.dataset).values)
    if label is not None and label not in known:
        raise UserError(f"--label {label}: unknown label; choose one of {', '.join(known)}")
    chosen_label = label or known[0]
    _show_files(write_curve_figures(runs, out))
    finished = [each for each in runs if each.looks_done]
    if not finished:
        console.print("no run is done yet: Figures 7 and 8 need predictions")
        return
    names = [part.strip() for part in cases.split(",")] if cases is not None else _typical(finished, chosen_label)
    columns = list(by_method(runs))
    with progress_bar() as progress:
        task = progress.add_task("drawing", total=len(names) + 2)
        shown = []
        for name in names:
            shown.append(read_shown_case(runs, name, chosen_label))
            progress.advance(task)
        files = write_slices_figure(shown, columns, out)
        progress.advance(task)
        files += write_surfaces_figure(shown[len(shown) // 2], columns, out)
        progress.advance(task)
    _show_files(files)


def _typical(finished: list[PaperRun], label: str) -> list[str]:
    """Return the cases at the quartiles of the DSC of CSCN. If CSCN is not finished, use another method."""
    from nnunet_cscn.paper.methods import PROPOSED
    from nnunet_cscn.paper.runs import by_method
    from nnunet_cscn.paper.scores import score_runs
    from nnunet_cscn.paper.shown_cases import typical_cases

    done = by_method(finished)
    with progress_bar() as progress:
        task = progress.add_task("ranking cases", total=None)
        (scored,) = score_runs(
            done.get(PROPOSED) or next(iter(done.values())),
            on_progress=lambda count, total: progress.update(task, completed=count, total=total),
        )
    if not (names := typical_cases(scored, label, N_CASES)):
        raise UserError(
            f"no finished case contains {label}, neither in the reference nor in a prediction: choose another --label"
        )
    return names


def _show_files(files: list[Path]) -> None:
    for file in files:
        console.print(str(file), markup=False, highlight=False, soft_wrap=True)
