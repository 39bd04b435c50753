"""Through submitit's own stand-in for a cluster: processes on this machine."""

import os
import pickle
import time
from types import SimpleNamespace

import pytest

from nnunet_cscn.errors import CommandFailed, UserError
from nnunet_cscn.execution import jobs, slurm
from nnunet_cscn.execution.jobs import Job, run_jobs
from nnunet_cscn.execution.slurm import SlurmExecutor, parse_options

pytest.importorskip("submitit")


class StandIn(SimpleNamespace):
    """What submitit's handle of a job tells."""

    def __init__(self, state, paths):
        super().__init__(state=state, paths=paths)

    def __reduce__(self):
        return StandIn, (self.state, self.paths)


def test_jobs_are_submitted_run_and_collected(write_command, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    write_command("show", 'import sys\nprint(sys.argv[1:])\nsys.exit("bad" in sys.argv)')
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    good, bad = (Job(name, ("show", name, "{device}"), tmp_path / f"{name}.log") for name in ("good", "bad"))
    with pytest.raises(CommandFailed, match=r"^bad: `show bad cpu` ended with status 1"):
        run_jobs(executor, [good, bad])
    assert good.log_file.read_text() == "['good', 'cpu']\n"


def test_a_killed_command_finds_its_jobs_again(write_command, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    write_command(
        "wait",
        """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
print("step 1", flush=True)
(folder / f"started_{len(list(folder.glob('started_*')))}").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
""",
    )
    job = Job("patient", ("wait", str(tmp_path)), tmp_path / "patient.log", progress=r"^step (\d+)$")
    SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local").submit(job)  # then killed
    while not list(tmp_path.glob("started_*")):
        time.sleep(0.02)
    seen = []

    def watch(_job, done):
        seen.append(done)
        (tmp_path / "go").touch()

    again = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    run_jobs(again, [job], on_progress=watch)
    assert seen[0] == 1  # the log of the job that runs was left alone
    assert [file.name for file in tmp_path.glob("started_*")] == ["started_0"]
    run_jobs(SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local"), [job])
    assert len(list(tmp_path.glob("started_*"))) == 2  # one that has ended is submitted again


@pytest.mark.parametrize(
    ("state", "age_seconds", "is_kept"),
    [
        ("RUNNING", 1e6, True),
        ("PENDING", 0, True),
        ("CANCELLED by 1000", 0, False),
        ("TIMEOUT", 0, False),
        ("UNKNOWN", 0, True),
        ("UNKNOWN", 1e6, False),  # forgotten by Slurm
    ],
)
def test_only_jobs_that_wait_or_run_are_waited_for(tmp_path, state, age_seconds, is_kept):
    file = tmp_path / "fold_0.submitted"
    file.write_bytes(pickle.dumps(StandIn(state, SimpleNamespace(result_pickle=tmp_path / "none"))))
    then = time.time() - age_seconds
    os.utime(file, (then, then))
    assert (slurm._still_there(file) is not None) is is_kept


def test_a_damaged_handle_is_no_job(tmp_path):
    (tmp_path / "a.submitted").write_bytes(b"no pickle")
    assert slurm._still_there(tmp_path / "a.submitted") is None


def test_unknown_options_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"--slurm: .*no_such_option"):
        SlurmExecutor(tmp_path, {"no_such_option": 3}, cluster="local")


@pytest.mark.parametrize("text", ["partition", "a=1,b", "=3", "a="])
def test_options_without_a_value_are_refused(text):
    with pytest.raises(UserError, match="--slurm: expected NAME=VALUE"):
        parse_options(text)
