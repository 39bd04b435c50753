"""Jobs through submitit's local cluster, which runs processes on this machine."""

import json
import pickle
import time
from pathlib import Path

import pytest

from nnunet_cscn.errors import CommandFailed, DiskFull, UserError
from nnunet_cscn.execution import jobs, slurm
from nnunet_cscn.execution.jobs import Job, JobRefused, run_jobs
from nnunet_cscn.execution.slurm import SlurmExecutor, parse_options

pytest.importorskip("submitit")


@pytest.fixture(autouse=True)
def _processes_known_by_number(monkeypatch):
    """Slurm knows a job by its number; submitit's stand-in for it needs the process."""
    from submitit.local.local import LocalJob

    known = {}
    real = LocalJob.__init__

    def init(self, folder, job_id, tasks=(0,), process=None):
        real(self, folder, job_id, tasks, known.setdefault(job_id, process))

    monkeypatch.setattr(LocalJob, "__init__", init)


def says(is_done, state):
    """Return what stands in for submitit's class of jobs, of which number 17 is in this state."""

    class StandIn:
        job_id = "17"

        def __init__(self, folder, job_id):
            assert (folder, job_id) == ("/jobs", "17")
            self.state = state

        def done(self, force_check=False):
            assert force_check
            return is_done

    return StandIn


def test_jobs_are_submitted_run_and_collected(write_command, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    write_command("show", 'import sys\nprint(sys.argv[1:])\nsys.exit("bad" in sys.argv)')
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    good, bad = (Job(name, ("show", name, "{device}"), tmp_path / f"{name}.log") for name in ("good", "bad"))
    with pytest.raises(CommandFailed, match=r"^bad: .*show bad cpu.*status 1"):
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
    list(SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local").submit([job]))  # then killed
    while not list(tmp_path.glob("started_*")):
        time.sleep(0.02)
    seen = []

    def watch(_job, done):
        seen.append(done)
        (tmp_path / "go").touch()

    again = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    run_jobs(again, [job], on_progress=watch)
    assert seen[0] == 1  # the log of the running job was not changed
    assert [file.name for file in tmp_path.glob("started_*")] == ["started_0"]
    run_jobs(SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local"), [job])
    assert len(list(tmp_path.glob("started_*"))) == 2  # one that has ended is submitted again


@pytest.fixture
def handle(tmp_path):
    """The handle of job 17."""
    file = tmp_path / "fold_0.submitted"
    file.write_text(json.dumps({"job_id": "17", "folder": "/jobs"}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("is_done", "state", "is_kept"),
    [(False, "RUNNING", True), (False, "PENDING", True), (True, "CANCELLED by 1000", False), (True, "TIMEOUT", False)],
)
def test_only_jobs_that_wait_or_run_are_waited_for(handle, is_done, state, is_kept):
    assert (slurm._find_submitted_job(handle, says(is_done, state)) is not None) is is_kept


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        ("print('17 gpu fold_0 R')", True),
        ("print()", False),
        ("import sys\nsys.exit('slurm_load_jobs error: Invalid job id specified')", False),
    ],
)
def test_of_a_job_that_accounting_does_not_know_the_queue_decides(handle, write_command, answer, is_kept):
    write_command("squeue", f"import sys\nassert sys.argv[1:] == ['-h', '-j', '17']\n{answer}")
    assert (slurm._find_submitted_job(handle, says(False, "UNKNOWN")) is not None) is is_kept


def test_where_nobody_knows_the_job_is_not_submitted_twice(handle, write_command):
    write_command("squeue", "import sys\nsys.exit('Unable to contact slurm controller')")
    with pytest.raises(UserError, match=r"whether job 17 still runs \(Unable to contact.*remove .*fold_0\.submitted"):
        slurm._find_submitted_job(handle, says(False, "UNKNOWN"))


def test_without_slurms_commands_the_job_is_not_submitted_twice(handle, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Slurm does not say whether job 17 still runs"):
        slurm._find_submitted_job(handle, says(False, "UNKNOWN"))


def test_a_damaged_handle_is_told(tmp_path):
    (tmp_path / "a.submitted").write_bytes(b"no JSON")
    with pytest.raises(UserError, match=r"a\.submitted cannot be read"):
        slurm._find_submitted_job(tmp_path / "a.submitted", says(False, "RUNNING"))


class Touching:
    """Its pickle makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_a_handle_that_is_a_pickle_runs_nothing(tmp_path):
    (tmp_path / "a.submitted").write_bytes(pickle.dumps(Touching(tmp_path / "ran")))
    with pytest.raises(UserError, match=r"a\.submitted cannot be read"):
        slurm._find_submitted_job(tmp_path / "a.submitted", says(False, "RUNNING"))
    assert not (tmp_path / "ran").exists()


def test_the_result_of_a_job_is_not_unpickled(write_command, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    write_command("show", "print('done')")
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    ((_, running),) = executor.submit([Job("patient", ("show",), tmp_path / "patient.log")])
    while not (tmp_path / "patient.outcome").is_file() or not running.done():
        time.sleep(0.02)
    (written,) = (tmp_path / "submitit").glob("*_result.pkl")
    written.write_bytes(pickle.dumps(Touching(tmp_path / "ran")))
    running.result()
    assert not (tmp_path / "ran").exists()


def test_cancelled_jobs_are_not_found_again(write_command, tmp_path):
    write_command("wait", "import time\ntime.sleep(60)")
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    list(executor.submit([Job("patient", ("wait",), tmp_path / "patient.log")]))
    assert (tmp_path / "patient.submitted").is_file()
    executor.cancel()
    assert not (tmp_path / "patient.submitted").exists()


def test_a_refused_job_stops_no_other(tmp_path):
    class Refusing:
        cancelled = False

        def submit(self, jobs):
            raise JobRefused(f"no room for {jobs[0].name}")

        def cancel(self):
            self.cancelled = True

    executor = Refusing()
    with pytest.raises(UserError, match="no room for one"):
        run_jobs(executor, [Job("one", ("true",), tmp_path / "one.log")])
    assert not executor.cancelled


def test_unknown_options_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"slurm: .*no_such_option"):
        SlurmExecutor(tmp_path, {"no_such_option": 3}, cluster="local")


@pytest.mark.parametrize("text", ["partition", "a=1,b", "=3", "a="])
def test_options_without_a_value_are_refused(text):
    with pytest.raises(UserError, match="slurm: expected NAME=VALUE"):
        parse_options(text)


def array_of(tmp_path, count, array):
    return [Job(f"{array}_{i}", ("show", str(i)), tmp_path / f"{array}_{i}.log", array=array) for i in range(count)]


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_jobs_of_one_array_are_submitted_together(write_command, tmp_path, monkeypatch, cluster):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    write_command("show", "import sys\nprint(sys.argv[1:])")
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster=cluster)
    batches = []
    inner = executor._executor._executor
    real = inner._internal_process_submissions
    monkeypatch.setattr(
        inner, "_internal_process_submissions", lambda waiting: batches.append(len(waiting)) or real(waiting)
    )
    single = Job("single", ("show", "x"), tmp_path / "single.log")
    wanted = [*array_of(tmp_path, 3, "CSCN"), *array_of(tmp_path, 2, "CNN"), single]
    states = []
    run_jobs(executor, wanted, on_state=lambda job, state, reason: states.append((job.name, state)))
    assert batches == [3, 2, 1]
    assert all(job.log_file.is_file() for job in wanted)
    assert {name for name, state in states if state == "done"} == {job.name for job in wanted}
    assert states[: len(wanted)] == [(job.name, "waiting") for job in wanted]


def test_of_an_array_only_what_is_not_there_is_submitted(write_command, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    write_command(
        "show",
        """
import pathlib, sys, time
folder = pathlib.Path(__file__).parent
(folder / f"started_{sys.argv[1]}_{time.monotonic_ns()}").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
""",
    )
    wanted = array_of(tmp_path, 3, "CSCN")
    list(SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local").submit(wanted[:2]))  # then killed
    while len(list((tmp_path / "bin").glob("started_*"))) < 2:
        time.sleep(0.02)
    again = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")
    run_jobs(again, wanted, on_progress=lambda job, done: (tmp_path / "bin" / "go").touch())
    started = [file.name.split("_")[1] for file in (tmp_path / "bin").glob("started_*")]
    assert sorted(started) == ["0", "1", "2"]


def test_an_interrupt_while_an_array_is_handed_over_cancels_all_of_it(write_command, tmp_path):
    write_command("show", "import time\ntime.sleep(60)")
    executor = SlurmExecutor(tmp_path / "submitit", {"timeout_min": 5}, cluster="local")

    def interrupt(_job, _state, _reason):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(executor, array_of(tmp_path, 3, "CSCN"), on_state=interrupt)
    assert not list(tmp_path.glob("*.submitted"))
    assert len(executor._submitted) == 3


def test_a_job_that_died_is_told_in_a_line(tmp_path):
    class Died:
        state = "TIMEOUT"

        def stderr(self):
            return "Job died:\n----------\nslurmstepd: error: *** JOB 17 CANCELLED ***\n\n"

    with pytest.raises(CommandFailed, match=r"^TIMEOUT: slurmstepd: error: \*\*\* JOB 17 CANCELLED \*\*\*$"):
        slurm.SlurmJob(Died(), tmp_path / "patient.outcome").result()


def test_a_full_disk_of_a_node_is_told_as_such(write_command, tmp_path):
    said = "OSError: [Errno 28] No space left on device: '/data/a.npz'"
    write_command("fill", f"import sys\nsys.exit({said!r})")
    job = Job("fold_0", ("fill",), tmp_path / "fold_0.log")
    slurm.run_on_node(job)
    with pytest.raises(DiskFull, match=r"no space left on the disk of /data/a\.npz"):
        slurm.SlurmJob(type("Ended", (), {"state": "COMPLETED"})(), tmp_path / "fold_0.outcome").result()


def test_a_full_disk_that_leaves_no_room_for_the_outcome_is_told_too(tmp_path):
    class Died:
        state = "FAILED"

        def stderr(self):
            return "Traceback\nOSError: [Errno 28] No space left on device: '/jobs/fold_0.outcome'\n"

    with pytest.raises(DiskFull, match=r"^no space left on the disk of /jobs/fold_0\.outcome: free some"):
        slurm.SlurmJob(Died(), tmp_path / "fold_0.outcome").result()
