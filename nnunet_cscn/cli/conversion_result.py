"""How conversions show their progress, what they passed over, and how they end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nnunet_cscn.evaluation.case_pool import OnProgress
    from nnunet_cscn.workflows.conversion_result import ConversionResult
    from nnunet_cscn.workflows.convert_cases import OnStep


@contextlib.contextmanager
def step_bars() -> Iterator[tuple[OnStep, OnProgress]]:
    """Yield callbacks for a workflow that show a progress bar for each of its steps, and nothing before the first."""
    with contextlib.ExitStack() as shown:
        bars: list[tuple[Progress, TaskID]] = []

        def on_step(step: str) -> None:
            progress = bars[-1][0] if bars else shown.enter_context(progress_bar())
            bars.append((progress, progress.add_task(step, total=None)))

        def on_progress(done: int, total: int) -> None:
            progress, task = bars[-1]
            progress.update(task, completed=done, total=total)

        yield on_step, on_progress


def tell_damaged(count: int) -> None:
    """Say how many DICOM files are damaged, if any are."""
    if count:
        files = "file was" if count == 1 else "files were"
        console.print(f"{count} damaged DICOM {files} passed over", highlight=False)


def show_result(result: ConversionResult, *, remedy: str = "mend them and run the command again") -> None:
    """Say how many cases of how many are there.

    Args:
        result: What the conversion left.
        remedy: What to do about cases that can't be converted.

    Raises:
        UserError: When there are such cases; it lists them.
    """
    tell_damaged(result.n_damaged)
    n_there = len(result.converted)
    unchanged = f", {n_there - result.n_new} of them already there" if result.n_new < n_there else ""
    text = f"{result.folder}: {n_there} of {result.n_cases} cases converted{unchanged}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    if result.problems:
        lines = [f"{case}: {reason}" for case, reason in sorted(result.problems.items())]
        heading = f"{len(lines)} of {result.n_cases} cases can't be converted; {remedy}:"
        raise UserError("\n  ".join([heading, *lines]))
