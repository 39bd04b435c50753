"""What a batch system does to commands: each runs in a process of its own, with a worker below it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import hashlib, multiprocessing, os, subprocess, sys, time
from pathlib import Path
import typer
from nnunet_cscn.cli.app import run
from nnunet_cscn.files import replacing

folder = Path(sys.argv.pop())
app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def command():
    worker = {worker}
    with replacing(folder / "result.txt") as unfinished:
        unfinished.write_text("half")
        (folder / "workers").write_text(str(worker.pid))
        (folder / "begun").touch()
        {work}

run(app)
"""
WORKERS = {
    "program": 'subprocess.Popen(["sleep", "600"])',
    "stubborn program": """subprocess.Popen(["sh", "-c", "trap '' TERM HUP; while :; do sleep 600; done"])""",
    "fork": """multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)); worker.start()""",
}
WORK = {
    "waiting": "time.sleep(600)",
    "computing": 'hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)',  # Python's handlers have to wait for its end
    "clinging": """
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass
""",
}


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pid):
    """Whether a process ends within five seconds: on a busy machine, one that was killed takes a moment."""
    for _ in range(250):
        if not lives(pid):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("worker", "work", "number", "status"),
    [
        ("program", "waiting", signal.SIGTERM, 143),
        ("stubborn program", "waiting", signal.SIGHUP, 129),
        ("fork", "waiting", signal.SIGTERM, 143),
        ("program", "computing", signal.SIGTERM, 143),
        ("fork", "clinging", signal.SIGTERM, 143),
    ],
)
def test_a_signal_ends_the_command_and_its_workers(tmp_path, worker, work, number, status):
    program = PROGRAM.format(worker=WORKERS[worker], work=WORK[work])
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path], stderr=subprocess.PIPE)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    pid = int((tmp_path / "workers").read_text())
    assert lives(pid)
    process.send_signal(number)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == status
    assert b"Traceback" not in shown
    assert ended(pid)
    assert {entry.name for entry in tmp_path.iterdir()} == {"begun", "workers"}


def test_a_process_that_is_forked_ends_by_the_signal_as_usual():
    program = """
import os, signal, time
from nnunet_cscn.cli.termination import ending_on_signals
with ending_on_signals():
    child = os.fork()
    if child == 0:
        time.sleep(600)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    assert shown.stdout.split() == [str(int(signal.SIGTERM))]


JOBS = """
import sys
from pathlib import Path
import typer
from nnunet_cscn.cli.app import run
from nnunet_cscn.execution.jobs import Job, run_jobs
from nnunet_cscn.execution.local import LocalExecutor

folder = Path(sys.argv.pop())
app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def command():
    script = "sleep 600 & echo $! >> workers; echo $$ >> workers; touch begun_{0}; trap '' TERM; wait; sleep 600"
    commands = {n: ("sh", "-c", f"cd {folder}; " + script.replace("{0}", str(n))) for n in (1, 2)}
    jobs = [Job(str(n), command, folder / f"{n}.log") for n, command in commands.items()]
    run_jobs(LocalExecutor(["cpu", "cpu"]), jobs)

run(app)
"""


def test_jobs_end_with_their_command(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", JOBS, tmp_path], stderr=subprocess.PIPE)
    while len(list(tmp_path.glob("begun_*"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"Traceback" not in shown
    pids = [int(line) for line in (tmp_path / "workers").read_text().split()]
    assert len(pids) == 4
    assert not [pid for pid in pids if not ended(pid)]


def test_handlers_are_put_back():
    from nnunet_cscn.cli.termination import ending_on_signals

    before = signal.getsignal(signal.SIGTERM)
    with ending_on_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


KILLED = """
import multiprocessing, os, sys, time
from pathlib import Path
from nnunet_cscn.cli.main import main
from nnunet_cscn.cli.termination import ending_on_signals

def work(file):
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)

if __name__ == "__main__":
    with ending_on_signals():
        for method in ("spawn", "fork"):
            multiprocessing.get_context(method).Process(target=work, args=(f"{sys.argv[1]}/{method}",)).start()
        time.sleep(600)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells that a parent has ended")
def test_workers_of_a_killed_command_end_with_it(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(KILLED)
    process = subprocess.Popen([sys.executable, program, tmp_path])
    files = [tmp_path / "spawn", tmp_path / "fork"]
    while not all(file.is_file() and file.read_text() for file in files):
        assert process.poll() is None
        time.sleep(0.02)
    assert all(lives(int(file.read_text())) for file in files)
    process.kill()
    process.wait()
    assert all(ended(int(file.read_text())) for file in files)
