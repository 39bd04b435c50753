import fcntl
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nnunet_cscn
from nnunet_cscn.errors import CommandFailed, DiskFull, UserError
from nnunet_cscn.execution import commands
from nnunet_cscn.execution.commands import (
    FASTER_ON_CPU,
    environment,
    executable,
    python_module,
    run_command,
)
from nnunet_cscn.execution.log_lock import is_locked
from nnunet_cscn.execution.process_groups import stop_groups
from nnunet_cscn.nnunet import discovery


def test_a_command_beside_this_python_comes_before_one_on_the_path(write_command, tmp_path, monkeypatch):
    beside = tmp_path / "environment"
    beside.mkdir()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    on_path = write_command("some_command", "")
    assert executable("some_command") == str(on_path)
    in_environment = write_command("some_command", "", where=beside)
    assert executable("some_command") == str(in_environment)


def test_a_command_that_is_nowhere_is_named_with_the_remedy():
    with pytest.raises(UserError, match="no_such_command is not installed"):
        executable("no_such_command")


def test_the_environment_keeps_everything_below_one_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", "/elsewhere")
    monkeypatch.setenv("KEPT", "as it is")
    variables = environment(tmp_path, nnUNet_n_proc_DA="0")
    for name in ("raw", "preprocessed", "results"):
        assert variables[f"nnUNet_{name}"] == str(tmp_path / name)
    assert variables["KEPT"] == "as it is"
    assert variables["nnUNet_n_proc_DA"] == "0"
    assert FASTER_ON_CPU.items() <= variables.items()
    assert os.environ.items() >= {"nnUNet_raw": "/elsewhere"}.items()


def test_the_environment_names_our_trainers(tmp_path, monkeypatch):
    monkeypatch.setenv(discovery.TRAINERS_VARIABLE, "/my/trainers")
    listed = environment(tmp_path)[discovery.TRAINERS_VARIABLE].split(os.pathsep)
    assert listed == ["/my/trainers", str(discovery.trainers_folder())]


def test_changes_come_last(tmp_path):
    changes = {"nnUNet_def_n_proc": "7", "nnUNet_raw": "/mine"}
    assert changes.items() <= environment(tmp_path, **changes).items()


def test_all_that_a_command_prints_is_in_the_log_and_told_line_by_line(write_command, tmp_path):
    program = (
        'import sys\nfor i in range(3): print("line", i, flush=True)\nprint("warned", file=sys.stderr, flush=True)'
    )
    write_command("speak", program)
    log_file, told = tmp_path / "logs" / "new" / "speak.log", []
    run_command(["speak"], log_file, env=os.environ, on_line=told.append)
    assert log_file.read_text() == "line 0\nline 1\nline 2\nwarned\n"
    assert told == ["line 0\n", "line 1\n", "line 2\n", "warned\n"]


def test_arguments_and_environment_reach_the_command_and_no_input_does(write_command, tmp_path):
    write_command("show", 'import os, sys\nprint(sys.argv[1:], os.environ["GIVEN"], repr(sys.stdin.read()))')
    log_file = tmp_path / "show.log"
    run_command(["show", "-d", "a b"], log_file, env={**os.environ, "GIVEN": "x"})
    assert log_file.read_text() == "['-d', 'a b'] x ''\n"


def test_a_failing_command_is_told_with_its_last_line_and_its_log(write_command, tmp_path):
    write_command("fail", 'print("first")\nprint("ValueError: no such thing")\nprint()\nraise SystemExit(3)')
    log_file = tmp_path / "fail.log"
    with pytest.raises(CommandFailed) as told:
        run_command(["fail", "-d", "901"], log_file, env=os.environ)
    expected = f"`fail -d 901` failed with status 3: ValueError: no such thing (full log: {log_file})"
    assert str(told.value) == expected
    assert log_file.read_text() == "first\nValueError: no such thing\n\n"


@pytest.mark.parametrize(
    ("printed", "file"),
    [
        (
            "OSError: [Errno 28] No space left on device: '/data/it is full/checkpoint_latest.pth'",
            "/data/it is full/checkpoint_latest.pth",
        ),
        ("OSError: [Errno 122] Disk quota exceeded: '/data/a.npz'\nworker died", "/data/a.npz"),
        ("OSError: [Errno 28] No space left on device: '/x/a.tmp' -> '/x/a'", "/x/a"),
        ("OSError: [Errno 28] No space left on device", None),
    ],
)
def test_a_command_without_room_on_the_disk_is_told_with_the_file(write_command, tmp_path, printed, file):
    write_command("fill", f"print({printed!r})\nraise SystemExit(1)")
    log_file = tmp_path / "fill.log"
    with pytest.raises(DiskFull) as told:
        run_command(["fill", "901"], log_file, env=os.environ)
    where = f"no space left on the disk of {file}" if file else "no space left on a disk, or its quota is used up"
    assert str(told.value) == (
        f"`fill 901` failed with status 1: {where}: free some, and run the same command again (full log: {log_file})"
    )


def test_a_limit_of_something_else_is_not_called_a_full_disk(write_command, tmp_path):
    write_command("watch", 'print("OSError: [Errno 28] inotify watch limit reached")\nraise SystemExit(1)')
    with pytest.raises(CommandFailed, match="watch limit reached") as told:
        run_command(["watch"], tmp_path / "watch.log", env=os.environ)
    assert not isinstance(told.value, DiskFull)


def test_a_log_that_breaks_off_on_a_full_disk_is_told_as_such(write_command, tmp_path, monkeypatch):
    write_command("fill", 'print("2026-11-27: Epoch 3 of 1")\nraise SystemExit(1)')
    usage = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(DiskFull, match=r"no space left on the disk of .*fill\.log"):
        run_command(["fill"], tmp_path / "fill.log", env=os.environ)


def test_bytes_that_are_no_text_do_not_stop_the_command(write_command, tmp_path):
    write_command("speak", 'import sys\nsys.stdout.buffer.write(b"caf\\xe9\\n")')
    run_command(["speak"], tmp_path / "speak.log", env={**os.environ, "PYTHONUTF8": "1"})
    assert (tmp_path / "speak.log").read_bytes() == b"caf\xe9\n"


def test_a_command_does_not_outlive_what_follows_it(write_command, tmp_path, monkeypatch):
    write_command("wait", 'import time\nprint("started", flush=True)\ntime.sleep(600)')
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)

    def interrupt(_line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command(["wait"], tmp_path / "wait.log", env=os.environ, on_line=interrupt)
    assert started[0].poll() is not None


def test_one_log_belongs_to_one_command_at_a_time(write_command, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "LOCK_SECONDS", 0.2)
    write_command("wait", "import time\nprint('on my way', flush=True)\ntime.sleep(60)")
    log, started = tmp_path / "a.log", []

    def try_again(process):
        started.append(process)
        assert is_locked(log)
        with pytest.raises(CommandFailed, match="`wait` is already running"):
            run_command(["wait"], log, env=os.environ)
        stop_groups([process])

    with pytest.raises(CommandFailed, match="failed with status"):
        run_command(["wait"], log, env=os.environ, on_start=try_again)
    assert len(started) == 1
    assert not is_locked(log)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems cannot tell that a parent has ended")
def test_a_command_and_what_it_started_end_when_its_starter_is_killed(write_command, tmp_path):
    child = "import time; time.sleep(60)"
    write_command(
        "wait",
        f"import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)",
    )
    write_command("again", "print('well')")
    log = tmp_path / "a.log"
    program = (
        "import os, pathlib, sys\nfrom nnunet_cscn.execution.commands import run_command\n"
        "run_command(['wait'], pathlib.Path(sys.argv[1]), env=os.environ, on_line=lambda line: os.kill(os.getpid(), 9))"
    )
    subprocess.run([sys.executable, "-c", program, str(log)], check=False)
    number = int(log.read_text())
    run_command(["again"], log, env=os.environ)  # waits for the lock, which the child holds as well
    assert log.read_text() == "well\n"
    assert not Path(f"/proc/{number}/cmdline").exists() or not Path(f"/proc/{number}/cmdline").read_bytes()


def test_what_is_left_of_an_earlier_command_is_waited_for(write_command, tmp_path):
    write_command("show", "print('well')")
    log = tmp_path / "a.log"
    with log.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Timer(0.3, lambda: fcntl.flock(held, fcntl.LOCK_UN)).start()
        run_command(["show"], log, env=os.environ)
    assert log.read_text() == "well\n"


def test_no_module_of_the_current_folder_runs_in_another_python(tmp_path):
    """``python -m`` would import them, and the folder may hold files of other people."""
    trace = tmp_path / "ran"
    for name in ("typer", "nnunet_cscn", "json"):
        (tmp_path / f"{name}.py").write_text(f"open({str(trace)!r}, 'w')", encoding="utf-8")
    place = str(Path(nnunet_cscn.__file__).parents[1])
    found = subprocess.run(
        [*python_module("nnunet_cscn.cli.main"), "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": place},
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
    )
    assert found.returncode == 0, found.stderr
    assert nnunet_cscn.__version__ in found.stdout
    assert not trace.exists()
