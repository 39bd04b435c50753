import subprocess
import sys

import pytest

from nnunet_cscn.execution import log_lock as module
from nnunet_cscn.execution.log_lock import is_locked, log_lock

HOLD = """
import pathlib, sys, time
from nnunet_cscn.execution import log_lock as module
module.fcntl = None if sys.argv[2] == "separate" else module.fcntl
log = pathlib.Path(sys.argv[1])
with log.open("ab") as stream, module.log_lock(log, stream, timeout_s=0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["inherited", "separate"])
def kind(request, monkeypatch):
    """With POSIX locks, and as on Windows without them."""
    if request.param == "separate":
        monkeypatch.setattr(module, "fcntl", None)
    elif module.fcntl is None:
        pytest.skip("this system has no POSIX locks")
    return request.param


def test_a_log_is_locked_as_long_as_the_block_lasts(kind, tmp_path):
    log = tmp_path / "a.log"
    assert not is_locked(log)
    with log.open("ab") as stream, log_lock(log, stream, timeout_s=0):
        assert is_locked(log)
        with log.open("ab") as other, pytest.raises(TimeoutError), log_lock(log, other, timeout_s=0):
            pass
    assert not is_locked(log)


def test_another_process_holds_the_lock_until_it_ends(kind, tmp_path):
    log = tmp_path / "a.log"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(log), kind], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert holder.stdout.readline() == "held\n"
        assert is_locked(log)
    finally:
        holder.kill()
        holder.wait()
    with log.open("ab") as stream, log_lock(log, stream, timeout_s=5):
        pass
    assert log.read_bytes() == b""
