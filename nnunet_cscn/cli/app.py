"""Shared by all subcommands: run a command, report errors, show progress."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from nnunet_cscn.cli.clean_console import clean_console
from nnunet_cscn.cli.termination import ending_on_signals
from nnunet_cscn.errors import ArgumentError, CommandFailed, DiskFull, UserError
from nnunet_cscn.streams import own_descriptor

EXIT_USER_ERROR = 2
MOST_LINES = 50

console = clean_console()
error_console = clean_console(stderr=True)


def run(app: typer.Typer) -> None:
    """Run ``app``. Report an error as one sentence with an exit status.

    Status 0: success. Status 2: a mistake of the user, or an error of the file system. Status 1: a bug in this package
    (with traceback), or a failed nnU-Net command. Status 130: interrupted. Status 143: SIGTERM. Status 129: the
    terminal was closed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names need not be text, nor the terminal know all letters
            stream.reconfigure(errors="backslashreplace")
    console.stderr = any(map(_is_own_output, sys.argv[1:]))  # standard output then holds one file, and nothing else
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.jit")  # users cannot correct it
    try:
        with ending_on_signals():
            app()
    except UserError as mistake:
        _exit_with_error(_with_flags(mistake, _running_command(app)))
    except CommandFailed as failure:
        _exit_with_error(str(failure), status=EXIT_USER_ERROR if isinstance(failure, DiskFull) else 1)
    except KeyboardInterrupt:
        error_console.print("interrupted")
        sys.exit(128 + signal.SIGINT)
    except OSError as refusal:
        is_of_output = _has_lost_its_output() and refusal.filename is None
        if isinstance(refusal, BrokenPipeError):  # the program that reads the output, such as `head`, has ended
            sys.exit(1)
        _exit_with_error(f"standard output: {refusal.strerror}" if is_of_output else _os_error_message(refusal))


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a progress display on standard error. Standard output contains only results."""
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
    """Return the click command that was called."""
    command: Any = typer.main.get_command(app)
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    return command


def _with_flags(mistake: UserError, command: Any) -> str:
    """Return the error message with the flags of the command instead of the names of arguments."""
    flags = {parameter.name: _flag(parameter) for parameter in command.params}
    text = str(mistake)
    if isinstance(mistake, ArgumentError):
        flag = flags.get(mistake.argument, f"--{mistake.argument.replace('_', '-')}")
        text = f"{flag}: {mistake.reason}"
    text = re.sub(r"\b(\w+)=True\b", lambda found: flags.get(found[1], found[0]), text)
    named = re.compile(r'\b(\w+)=\["([^"]+)"\]')
    text = named.sub(lambda found: f"{flags[found[1]]} {found[2]}" if found[1] in flags else found[0], text)
    return re.sub(r"\badd (\w+)=([^\s,;]+)", lambda found: _with_value(found, flags), text)


def _with_value(advice: re.Match[str], flags: Mapping[str, str]) -> str:
    """``add nan=0`` as the command line has it: ``add --nan 0``."""
    flag = flags.get(advice[1])
    return advice[0] if flag is None else f"add {flag} {advice[2]}"


def _flag(parameter: Any) -> str:
    """Return the longest flag of an option, or the name of a positional argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(max(parameter.opts, key=len))


def _is_own_output(word: str) -> bool:
    """Return whether a word of the command line is the standard output of this process, such as ``/dev/stdout``."""
    try:
        return sys.stdout is not None and own_descriptor(Path(word.rpartition("=")[2])) == sys.stdout.fileno()
    except (OSError, ValueError):  # no name of a file; no file behind the output, as in tests
        return False


def _has_lost_its_output() -> bool:
    """Return whether what was printed cannot reach standard output. It is then let go: Python would try again."""
    if sys.stdout is None:  # closed by the caller
        return False
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _exit_with_error(sentence: str, *, status: int = EXIT_USER_ERROR) -> NoReturn:
    first, *lines = sentence.split("\n")
    left_out = len(lines) - MOST_LINES if error_console.is_terminal else 0  # a file or another program gets all
    if left_out > 0:
        lines = [*lines[:MOST_LINES], f"  and {left_out} more; all of them with `2> FILE` after the command"]
    shown = "\n".join([first, *lines])
    error_console.print(Text.assemble(("error:", "bold red"), " ", shown), soft_wrap=True)
    sys.exit(status)


def _os_error_message(refusal: OSError) -> str:
    """Return the reason and the file of an ``OSError``, without its error number."""
    if refusal.strerror is None:
        return str(refusal) or type(refusal).__name__
    return refusal.strerror if refusal.filename is None else f"{refusal.filename}: {refusal.strerror}"
