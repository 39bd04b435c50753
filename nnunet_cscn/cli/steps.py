"""Progress bars for commands with several steps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.markup import escape
from rich.progress import Progress, TaskID

from nnunet_cscn.cli.app import progress_bar


@contextlib.contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function ``show(step, done, total)``. Each step has its own progress bar."""
    bars: list[Progress] = []
    tasks: dict[str, TaskID] = {}
    with contextlib.ExitStack() as shown:

        def show(step: str, done: int, total: int) -> None:
            if not bars:  # start late: a command that fails immediately shows no empty bar
                bars.append(shown.enter_context(progress_bar()))
            if step not in tasks:
                tasks[step] = bars[0].add_task(escape(step), total=total)
            bars[0].update(tasks[step], completed=done, total=total)

        yield show
