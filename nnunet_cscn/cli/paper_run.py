"""``cscn paper run`` and ``cscn paper status``: train all methods on all splits."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.live import Live
from rich.table import Table

from nnunet_cscn.cli.app import console, error_console
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_executor
from nnunet_cscn.cli.fold_options import Folds, chosen_folds
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.cli.paper_options import Budget, Configuration, Dataset, Methods, prepared_runs
from nnunet_cscn.cli.score_options import JsonFile
from nnunet_cscn.cli.train import show_removed
from nnunet_cscn.errors import ArgumentError, CommandFailed
from nnunet_cscn.execution.jobs import Job, JobState, run_jobs

if TYPE_CHECKING:
    from nnunet_cscn.paper.runs import PaperRun

_COLOURS = {"waiting": "dim", "begun": "yellow", "running": "cyan", "done": "green", "failed": "bold red"}


def run(
    dataset: Dataset,
    *,
    configuration: Configuration = "3d_cscn_paper",
    budget: Budget = 1.0,
    methods: Methods = None,
    folds: Folds = None,
    devices: Devices = None,
    slurm: Slurm = None,
    trust: Trust = False,
    executor: Annotated[Literal["local", "slurm"] | None, typer.Option(hidden=True)] = None,  # replaced by --slurm
) -> None:
    """Train every method on every split and predict the test cases of the split.

    Each run is one process of nnUNetv2_train. After an interruption, run the
    command again: it keeps finished runs and resumes the others. With --slurm,
    each method is one array job.

    Example: cscn paper run 901 --budget 0.05
    """
    from nnunet_cscn.nnunet.folders import preprocessed_dataset, results_folder
    from nnunet_cscn.paper.methods import chosen_methods
    from nnunet_cscn.paper.preparation import Preparation
    from nnunet_cscn.paper.runs import paper_runs

    name = preprocessed_dataset(dataset).name
    chosen = Preparation(name, configuration).write_budget(budget)
    runs = paper_runs(name, chosen, chosen_methods(methods), chosen_folds(folds))
    if executor == "slurm" and slurm is None:
        raise ArgumentError(
            "slurm",
            "the Slurm options are missing: give them, such as slurm_partition=gpu,gpus_per_node=1,timeout_min=2880",
        )
    runner = chosen_executor(devices, slurm, folder=results_folder() / name / "cscn_jobs")
    status_table = _StatusTable(runs)
    unfinished = [each for each in runs if not each.is_done]
    for file in [file for each in unfinished for file in each.training.remove_damaged_files()]:
        show_removed(file)
    waiting = {each.job(): each for each in unfinished}
    failures: dict[PaperRun, str] = {}

    def on_state(job: Job, state: JobState, reason: str) -> None:
        each = waiting[job]
        if state in ("done", "failed") and each.is_done:
            failures.pop(each, None)
            status_table.show(each, "done", f"ended badly, after all was written: {reason}" if reason else "")
            return
        if state == "done":
            state, reason = "failed", f"ended without predictions in {each.predictions}"
        failures[each] = reason
        with contextlib.suppress(OSError):  # the reason may be a full disk; the other runs go on
            each.record_failure(reason)
        status_table.show(each, state, reason)

    def on_progress(job: Job, done: int) -> None:
        status_table.show_progress(waiting[job], done, job.total)

    kind = CommandFailed
    with status_table:
        try:
            run_jobs(runner, list(waiting), on_progress=on_progress, on_state=on_state)
        except CommandFailed as failure:  # the table shows which runs failed, and why
            kind = type(failure)
    if failed := {each: reason for each, reason in failures.items() if reason}:
        sentences = "\n".join(f"{each.method} fold {each.fold}: {reason}" for each, reason in failed.items())
        raise kind(f"{len(failed)} of {len(runs)} runs failed; run the same command again to retry them\n{sentences}")


def status(
    dataset: Dataset,
    *,
    configuration: Configuration = "3d_cscn_paper",
    budget: Budget = 1.0,
    methods: Methods = None,
    json_file: JsonFile = None,
) -> None:
    """Show the state of each run: waiting, begun, done or failed, with the reason.

    Example: cscn paper status 901 --budget 0.05
    """
    from nnunet_cscn.files import write_json

    runs = prepared_runs(dataset, configuration, budget, methods)
    if json_file is not None:
        found = [{"method": r.method, "fold": r.fold, "state": r.state(), "failure": r.failure} for r in runs]
        write_json(json_file, {"runs": found})
    console.print(_table(runs, {(r.method, r.fold): r.state() for r in runs}))
    for each in runs:
        if each.failure:
            console.print(f"{each.method} fold {each.fold}: {each.failure}", markup=False, soft_wrap=True)


class _StatusTable:
    """A table with the state of each run. It is updated during the runs.

    Args:
        runs: All runs, including finished ones.
    """

    def __init__(self, runs: Sequence[PaperRun]) -> None:
        self._runs = runs
        self._cells = {(run.method, run.fold): str(run.state()) for run in runs}
        self._live = Live(_table(runs, self._cells), console=error_console, auto_refresh=False)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, run: PaperRun, state: str, reason: str) -> None:
        """Show a new state and, after a failure, the reason."""
        self._set(run, state, is_news=True)
        if reason:
            self._live.console.print(f"{run.method} fold {run.fold}: {reason}", markup=False, soft_wrap=True)

    def show_progress(self, run: PaperRun, done: int, total: int | None) -> None:
        """Show the number of finished epochs of a run."""
        key = (run.method, run.fold)
        if self._cells[key].startswith("running"):
            self._set(run, f"running {done}/{total}", is_news=False)

    def _set(self, run: PaperRun, text: str, *, is_news: bool) -> None:
        key = (run.method, run.fold)
        if self._cells[key] == text:
            return
        self._cells[key] = text
        is_terminal = self._live.console.is_terminal
        self._live.update(_table(self._runs, self._cells), refresh=is_terminal)
        if is_news and not is_terminal:  # in a log file: one line for each change, and the table at the end
            self._live.console.print(f"{run.method} fold {run.fold}: {text}", markup=False, highlight=False)


def _table(runs: Sequence[PaperRun], cells: Mapping[tuple[str, int], str]) -> Table:
    folds = sorted({run.fold for run in runs})
    table = Table(title=f"{runs[0].training.dataset}, {runs[0].training.configuration}" if runs else None)
    table.add_column("method")
    for fold in folds:
        table.add_column(f"fold {fold}")
    for method in dict.fromkeys(run.method for run in runs):
        texts = [cells[method, fold] for fold in folds]
        table.add_row(method, *(f"[{_COLOURS[text.split()[0]]}]{text}" for text in texts))
    return table
