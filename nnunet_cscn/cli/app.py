"""What all subcommands share: how they run, how they end, how they show progress."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from nnunet_cscn.errors import ArgumentError, CommandFailed, UserError

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
        _leave(_with_flags(mistake, _running_command(app)))
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


def _running_command(app: typer.Typer) -> Any:
    """The command that was called, as click has it."""
    command: Any = typer.main.get_command(app)
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    return command


def _with_flags(mistake: UserError, command: Any) -> str:
    """The sentence of a mistake, with the command's flags in place of the names of arguments."""
    flags = {parameter.name: _flag(parameter) for parameter in command.params}
    text = str(mistake)
    if isinstance(mistake, ArgumentError):
        flag = flags.get(mistake.argument, f"--{mistake.argument.replace('_', '-')}")
        text = f"{flag}: {mistake.reason}"
    text = re.sub(r"\b(\w+)=True\b", lambda found: flags.get(found[1], found[0]), text)
    named = re.compile(r'\b(\w+)=\["([^"]+)"\]')
    return named.sub(lambda found: f"{flags[found[1]]} {found[2]}" if found[1] in flags else found[0], text)


def _flag(parameter: Any) -> str:
    """The longest flag of an option; the word for a positional argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(max(parameter.opts, key=len))


def _leave(sentence: str, *, status: int = EXIT_USER_ERROR) -> NoReturn:
    error_console.print(Text.assemble(("error:", "bold red"), " ", sentence), soft_wrap=True)
    sys.exit(status)


def _sentence(refusal: OSError) -> str:
    """What the system refused and for which file, without the number that Python puts in front."""
    if refusal.strerror is None:
        return str(refusal) or type(refusal).__name__
    return refusal.strerror if refusal.filename is None else f"{refusal.filename}: {refusal.strerror}"
