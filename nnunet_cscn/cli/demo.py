"""``cscn demo``: run the whole workflow on synthetic data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from nnunet_cscn.cli.app import console, progress_bar

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.folder import FolderScores

LABEL = "GTVp"


def demo(
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for all files of the demo.")] = Path("cscn_demo"),
    seed: Annotated[int, typer.Option(help="Random seed of the cases, the weights and the batches.")] = 0,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Device for training and prediction.")] = "cpu",
) -> None:
    """Run the whole workflow on synthetic data: train CSCN with nnU-Net, predict unseen cases and evaluate them.

    The demo takes less than ten minutes on two CPU cores. After an interruption,
    run it again: it resumes.

    Example: cscn demo --out cscn_demo
    """
    from nnunet_cscn.demo.job import Demo

    job = Demo(folder=out.resolve(), seed=seed, device=device)
    console.print(f"everything goes to {job.folder}", soft_wrap=True, markup=False)
    with progress_bar() as progress:
        for step in job.steps():
            task = progress.add_task(step.name, total=None)
            step.run(lambda done, total, task=task: progress.update(task, completed=done, total=total))  # type: ignore[misc]
            progress.update(task, completed=1, total=1)
    scores = job.scores()
    console.print(_table(scores))
    console.print(f"pictures with the true and the predicted contour: {job.pictures}", soft_wrap=True, markup=False)
    console.print(f"a page to read, in any browser: {job.report}", soft_wrap=True, markup=False)
    total = scores.aggregate[LABEL]
    console.print(
        f"dsc_mean {total.dsc_mean:.2f} assd_mean_mm {total.assd_mm_mean:.2f} f1_of_means {total.f1_of_means:.2f}",
        highlight=False,
    )


def _table(scores: FolderScores) -> Table:
    table = Table(title="unseen cases")
    for column in ("case", "DSC", "ASSD (mm)", "F1"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for case, labels in scores.cases.items():
        score = labels[LABEL]
        table.add_row(case, f"{score.counts.dsc:.2f}", f"{score.assd_mm:.2f}", f"{score.counts.f1:.2f}")
    return table
