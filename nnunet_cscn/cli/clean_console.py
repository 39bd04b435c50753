"""Consoles that escape control characters in names and values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from nnunet_cscn.texts import escape_controls


def clean_console(*, stderr: bool = False) -> Console:
    """Return a console that shows control characters as escapes."""
    console = _NamingConsole(stderr=stderr)
    console.push_render_hook(_Cleaning())
    return console


class _NamingConsole(Console):
    """A console whose errors say where it writes to."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print objects."""
        try:
            super().print(*objects, **options)
        except OSError as refusal:
            if refusal.filename is not None or refusal.errno is None:
                raise
            name = "standard error" if self.stderr else "standard output"
            raise OSError(refusal.errno, refusal.strerror, name) from refusal


class _Cleaning(RenderHook):
    """Wraps all output in ``_Cleaned``."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wrap each object that will be shown."""
        return [_Cleaned(each) for each in renderables]


class _Cleaned:
    """Shows an object with escaped control characters. The control codes of rich itself are added later."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments: Iterable[Segment] = console.render(self._inner, options)
        for text, style, control in segments:
            yield Segment(text if control else escape_controls(text), style, control)
