import os
import sys

import pytest

from nnunet_cscn.errors import CommandFailed
from nnunet_cscn.execution import log_lock
from nnunet_cscn.execution.commands import run_command
from nnunet_cscn.execution.process_groups import start_group, stop_groups


@pytest.fixture
def _as_on_windows(monkeypatch):
    """Without process groups and without POSIX locks."""
    monkeypatch.delattr(os, "killpg", raising=False)
    monkeypatch.setattr(log_lock, "fcntl", None)


@pytest.mark.usefixtures("_as_on_windows")
def test_a_process_is_ended_where_there_are_no_groups(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = start_group([sys.executable, "-c", "import time; time.sleep(60)"], output=log, env=os.environ)
    stop_groups([process])
    assert process.returncode not in (None, 0)
    stop_groups([process])  # a second time does no harm


@pytest.mark.usefixtures("_as_on_windows")
def test_commands_run_and_fail_as_on_linux_where_there_are_no_groups(write_command, tmp_path):
    write_command("work", "import sys\nprint('did', sys.argv[1])\nsys.exit(sys.argv[1] != 'well')")
    log, told = tmp_path / "a.log", []
    run_command(["work", "well"], log, env=os.environ, on_line=told.append)
    assert told == ["did well\n"]
    with pytest.raises(CommandFailed, match="status 1: did badly"):
        run_command(["work", "badly"], log, env=os.environ)
    assert not log_lock.is_locked(log)
