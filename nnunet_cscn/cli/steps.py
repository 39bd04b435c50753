"""How far the steps of one piece of work are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.markup import escape

from nnunet_cscn.cli.app import progress_bar


@contextlib.contextmanager
def shown_steps(*begun: str) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that takes a step, what is done of it and its whole; each step has a bar of its own.

    Args:
        begun: Steps whose bars are shown from the start.
    """
    with progress_bar() as progress:
        tasks = {step: progress.add_task(escape(step), total=None) for step in begun}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(escape(step), total=None)
            progress.update(tasks[step], completed=done, total=total)

        yield show
