"""What all subcommands share: how they run, how they end, how they show progress."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nnunet_cscn.errors import UserError

EXIT_USER_ERROR = 2

console = Console()
error_console = Console(stderr=True)


def run(app: typer.Typer) -> None:
    """Run ``app`` and turn what goes wrong into one sentence and an exit status.

    Status 0: done. Status 2: the user's mistake, told in one sentence. Status 1: a fault of ours, with its traceback.
    """
    try:
        app()
    except UserError as mistake:
        error_console.print(f"[bold red]error:[/] {_escaped(str(mistake))}", soft_wrap=True)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        error_console.print("interrupted")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a progress display on standard error, so that standard output stays clean for results."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=error_console) as progress:
        yield progress


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
