"""What all subcommands share: how they run, how they end, how they show progress."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from nnunet_cscn.errors import CommandFailed, UserError

EXIT_USER_ERROR = 2

console = Console()
error_console = Console(stderr=True)


def run(app: typer.Typer) -> None:
    """Run ``app`` and turn what goes wrong into one sentence and an exit status.

    Status 0: done. Status 2: the user's mistake, or a file or disk that refuses, told in one sentence. Status 1: a
    fault of ours, with its traceback, or a command of nnU-Net's that failed, told in one sentence.
    """
    try:
        app()
    except UserError as mistake:
        _leave(str(mistake))
    except CommandFailed as failure:
        _leave(str(failure), status=1)
    except KeyboardInterrupt:
        error_console.print("interrupted")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as refusal:
        _leave(_sentence(refusal))


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


def _leave(sentence: str, *, status: int = EXIT_USER_ERROR) -> NoReturn:
    error_console.print(Text.assemble(("error:", "bold red"), " ", sentence), soft_wrap=True)
    sys.exit(status)


def _sentence(refusal: OSError) -> str:
    """What the system refused and for which file, without the number that Python puts in front."""
    if refusal.strerror is None:
        return str(refusal) or type(refusal).__name__
    return refusal.strerror if refusal.filename is None else f"{refusal.filename}: {refusal.strerror}"
