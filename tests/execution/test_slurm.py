"""Through submitit's own stand-in for a cluster: processes on this machine."""

import pytest

from nnunet_cscn.errors import CommandFailed, UserError
from nnunet_cscn.execution.jobs import Job, run_jobs
from nnunet_cscn.execution.slurm import SlurmExecutor, parse_options

pytest.importorskip("submitit")


def test_jobs_are_submitted_run_and_collected(write_command, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    write_command("show", 'import sys\nprint(sys.argv[1:])\nsys.exit("bad" in sys.argv)')
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    good, bad = (Job(name, ("show", name, "{device}"), tmp_path / f"{name}.log") for name in ("good", "bad"))
    with pytest.raises(CommandFailed, match=r"^bad: `show bad cpu` ended with status 1"):
        run_jobs(executor, [good, bad])
    assert good.log_file.read_text() == "['good', 'cpu']\n"


def test_unknown_options_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"--slurm: .*no_such_option"):
        SlurmExecutor(tmp_path, {"no_such_option": 3}, cluster="local")


@pytest.mark.parametrize("text", ["partition", "a=1,b", "=3", "a="])
def test_options_without_a_value_are_refused(text):
    with pytest.raises(UserError, match="--slurm: expected NAME=VALUE"):
        parse_options(text)
