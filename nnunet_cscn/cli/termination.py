"""End as a batch system expects: within seconds, with all processes that were started, and nothing half written."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from nnunet_cscn.processes import descendants, end_all
from nnunet_cscn.temporary import remove_open

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 3.5  # for what the command does at its own end; all in all it takes less than five
_GRACE_SECONDS = 1.0
_is_prepared_for_forks = False


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Leave the block by ``SystemExit`` with status 143 on SIGTERM, and 129 when the terminal is closed.

    Should that take too long, because a library is in the midst of a long computation, a thread ends the process.
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
        if leaving.code in [128 + number for number in SIGNALS]:
            end_all(_own_processes(), grace_seconds=_GRACE_SECONDS)
        raise
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        sending.close()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _watch(receiving: socket.socket) -> None:
    """Wait for a signal, which Python's own handler may learn of much later."""
    with receiving:
        while received := receiving.recv(1):
            if received[0] in SIGNALS:
                break
        else:
            return
    time.sleep(PATIENCE_SECONDS)
    end_all(_own_processes(), grace_seconds=0)
    remove_open()
    os._exit(128 + received[0])


def _own_processes() -> list[int]:
    """Return the processes below this one, without the one that clears away what Python's others leave in memory."""
    return [pid for pid in descendants(os.getpid()) if b"resource_tracker" not in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as stream:  # noqa: PTH123
        return stream.read()
    return b""


def _prepare_for_forks() -> None:
    """Let a forked process end by a signal as usual: one that raised an exception instead might go on."""
    global _is_prepared_for_forks  # noqa: PLW0603  Python keeps what is registered for ever
    if not _is_prepared_for_forks:
        os.register_at_fork(after_in_child=_forget)
        _is_prepared_for_forks = True


def _forget() -> None:
    if signal.getsignal(signal.SIGTERM) is _leave:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
