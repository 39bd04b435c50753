"""End commands on SIGTERM and SIGHUP: within seconds, with all child processes, and without temporary files.

Worker processes also end if the command is killed and can do nothing itself. Otherwise those of nnU-Net run forever.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from nnunet_cscn.guard import KILL, die_with
from nnunet_cscn.processes import descendants, end_all
from nnunet_cscn.temporary import remove_open

SIGNALS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))  # Windows has no SIGHUP
PATIENCE_SECONDS = 3.0  # for the cleanup of the command itself; in total less than five seconds
_GRACE_SECONDS = 0.5
_is_prepared_for_forks = False
_forking = 0


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Raise ``SystemExit`` in the block on SIGTERM (status 143) and SIGHUP (status 129).

    If the block does not end in time, for example during a long computation of a library, a thread ends the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _prepare_for_forks()
    sending, receiving = socket.socketpair()
    sending.setblocking(False)
    threading.Thread(target=_watch, args=(receiving,), daemon=True).start()
    before = [signal.signal(number, _leave) for number in SIGNALS]
    wakeup_before = signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
    try:
        yield
    except SystemExit as leaving:
        if isinstance(leaving.code, int) and leaving.code - 128 in SIGNALS:
            _end(leaving.code, grace_seconds=_GRACE_SECONDS)
        raise
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        sending.close()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _watch(receiving: socket.socket) -> None:
    """Wait for a signal. Python's own handler may run much later."""
    with receiving:
        while received := receiving.recv(1):
            if received[0] in SIGNALS:
                break
        else:
            return
    time.sleep(PATIENCE_SECONDS)
    _end(128 + received[0], grace_seconds=0)


def _end(status: int, *, grace_seconds: float) -> NoReturn:
    """End all processes and this one at once: Python's own exit would wait for threads and processes."""
    end_all(_own_processes(), grace_seconds=grace_seconds)
    remove_open()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _own_processes() -> list[int]:
    """Return the child processes, without Python's resource tracker, which cleans up and ends by itself."""
    return [pid for pid in descendants(os.getpid()) if b"resource_tracker" not in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as stream:  # noqa: PTH123
        return stream.read()
    return b""


def end_with_spawning_parent() -> None:
    """Let a worker process end with the command that spawned it.

    multiprocessing imports the main module of the command in each process that it spawns, before it runs anything.
    """
    process = sys.modules.get("multiprocessing.process")  # not imported yet in a command itself
    if process is not None and getattr(process.current_process(), "_inheriting", False):
        die_with(os.getppid(), KILL)


def _prepare_for_forks() -> None:
    """Let forked processes end with this one, and restore the default handlers, which could ignore a signal there."""
    global _is_prepared_for_forks  # noqa: PLW0603  registered only once
    if not _is_prepared_for_forks and hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(before=_note_parent, after_in_child=_prepare_forked)
        _is_prepared_for_forks = True


def _note_parent() -> None:
    global _forking  # noqa: PLW0603  read in the forked process
    _forking = os.getpid()


def _prepare_forked() -> None:
    die_with(_forking, KILL)
    if signal.getsignal(signal.SIGTERM) is _leave:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
