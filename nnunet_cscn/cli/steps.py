"""How far the steps of one piece of work are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.markup import escape
from rich.progress import Progress, TaskID

from nnunet_cscn.cli.app import progress_bar


@contextlib.contextmanager
def shown_steps() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that takes a step, what is done of it and its whole; each step has a bar of its own."""
    bars: list[Progress] = []
    tasks: dict[str, TaskID] = {}
    with contextlib.ExitStack() as shown:

        def show(step: str, done: int, total: int) -> None:
            if not bars:  # not before there is something to show: what fails at once leaves no empty bar
                bars.append(shown.enter_context(progress_bar()))
            if step not in tasks:
                tasks[step] = bars[0].add_task(escape(step), total=total)
            bars[0].update(tasks[step], completed=done, total=total)

        yield show
