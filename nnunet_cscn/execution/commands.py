"""Run commands, such as those of nnU-Net, in processes of their own, with their output in log files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nnunet_cscn.discovery import ensure_registered
from nnunet_cscn.errors import CommandFailed, UserError

# The first three keep freed memory in the process, which makes a training step a third faster; the last keeps
# waiting threads from spinning long, which costs a multiple of the time as soon as another process wants a core.
FASTER_ON_CPU = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "GOMP_SPINCOUNT": "5000",
}


def executable(name: str) -> str:
    """Return the path of a command that was installed beside this Python.

    Raises:
        UserError: When it is not there.
    """
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise UserError(f"{name} is not installed beside {sys.executable}: install nnunet-cscn in that environment")
    return found


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return the environment in which nnU-Net keeps everything below ``folder``."""
    ensure_registered()
    return {
        **os.environ,
        **FASTER_ON_CPU,
        "nnUNet_raw": str(folder / "raw"),
        "nnUNet_preprocessed": str(folder / "preprocessed"),
        "nnUNet_results": str(folder / "results"),
        "nnUNet_def_n_proc": "2",
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


def run_command(
    command: Sequence[str],
    log_file: Path,
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None] = lambda line: None,
    on_start: Callable[[subprocess.Popen[str]], None] = lambda process: None,
) -> None:
    """Run a command to its end, copying what it prints into ``log_file``.

    Args:
        command: Name of the command and its arguments.
        log_file: Where its output goes, standard error included.
        env: Its environment.
        on_line: Called with each line that it prints.
        on_start: Called with its process, which another thread may terminate.

    Raises:
        UserError: When the command is not installed.
        CommandFailed: When it fails, with the last line it printed and the log's path.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    last = ""
    with (
        log_file.open("w", encoding="utf-8", buffering=1) as log,
        subprocess.Popen(
            [executable(command[0]), *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(env),
            text=True,
            errors="replace",
        ) as process,
    ):
        on_start(process)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                log.write(line)
                last = line.strip() or last
                on_line(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise CommandFailed(
            f"`{' '.join(command)}` ended with status {process.returncode}: {last} (whole log: {log_file})"
        )
