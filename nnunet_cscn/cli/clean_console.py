"""Consoles on which nothing that comes from files can steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from nnunet_cscn.texts import escape_controls


def clean_console(*, stderr: bool = False) -> Console:
    """Return a console that writes control characters of names and values as escapes, and texts that are no Unicode."""
    console = Console(stderr=stderr)
    console.push_render_hook(_Cleaning())
    return console


class _Cleaning(RenderHook):
    """Cleans what is about to be shown."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Put each thing that is shown behind a filter."""
        return [_Cleaned(each) for each in renderables]


class _Cleaned:
    """Shows something without its control characters; those that rich adds itself for colours come later."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments: Iterable[Segment] = console.render(self._inner, options)
        for text, style, control in segments:
            yield Segment(text if control else escape_controls(text), style, control)
