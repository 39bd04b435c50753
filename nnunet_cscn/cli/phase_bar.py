"""A progress bar for one phase of a longer command. Between phases, other output may be printed."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rich.progress import Progress, TaskID

from nnunet_cscn.cli.app import progress_bar


class PhaseBar:
    """A progress bar that ends with the last step of its phase.

    Args:
        description: Text in front of the bar.
        total: Number of steps, to show the bar from the beginning. None to show it with the first step.
        visible: Whether the bar is shown.
    """

    def __init__(self, description: str, *, total: int | None = None, visible: bool = True) -> None:
        self._description = description
        self._total = total
        self._visible = visible
        self._stack = ExitStack()
        self._shown: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> PhaseBar:
        if self._total is not None:
            self(0, self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps are finished."""
        if not self._visible:
            return
        if self._shown is None:
            progress = self._stack.enter_context(progress_bar())
            self._shown = progress, progress.add_task(self._description)
        progress, task = self._shown
        progress.update(task, completed=done, total=total)
        if done == total:
            self._stack.close()
            self._shown = None
