import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nnunet_cscn.errors import CommandFailed, DiskFull, UserError
from nnunet_cscn.execution import jobs as jobs_module
from nnunet_cscn.execution.jobs import Job, run_jobs
from nnunet_cscn.execution.local import LocalExecutor, parse_devices


@pytest.fixture(autouse=True)
def _poll_often(monkeypatch):
    monkeypatch.setattr(jobs_module, "POLL_SECONDS", 0.02)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"  # a zombie process
    except FileNotFoundError:
        return False


@pytest.fixture
def job(tmp_path):
    def make(name, *command, **arguments):
        return Job(name, command, tmp_path / f"{name}.log", **arguments)

    return make


def test_the_last_number_in_the_log_is_the_progress(job):
    training = job("training", "x", progress=r"\bEpoch (\d+)\s*$", total=5)
    assert training.done_steps() == 0
    training.log_file.write_text("Epoch 0\nEpoch time: 3 s\n" + "filler\n" * 2000 + "2026: Epoch 3\nloss 0.1\n")
    assert training.done_steps() == 3
    assert job("other", "x").done_steps() == 0


def test_every_job_is_run_on_a_device_of_its_own(write_command, job, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = 'import os, sys, time\ntime.sleep(0.2)\nprint(sys.argv[1], os.environ.get("CUDA_VISIBLE_DEVICES"))'
    write_command("show", program)
    jobs = [job(str(i), "show", "{device}") for i in range(6)]
    run_jobs(LocalExecutor(["cuda:3", "cuda:5"]), jobs)
    assert {each.log_file.read_text() for each in jobs} == {"cuda 3\n", "cuda 5\n"}


def test_devices_are_counted_among_those_that_are_visible(write_command, job, monkeypatch):
    write_command("show", 'import os\nprint(os.environ["CUDA_VISIBLE_DEVICES"])')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-abc")
    one = job("one", "show")
    run_jobs(LocalExecutor(["cuda:1"]), [one])
    assert one.log_file.read_text() == "GPU-abc\n"
    with pytest.raises(UserError, match=r"devices: cuda:2.*2 GPUs"):
        LocalExecutor(["cuda:1", "cuda:2"])


def test_no_more_run_at_a_time_than_there_are_devices(write_command, job, tmp_path):
    write_command(
        "count",
        "import os, sys, time, pathlib\n"
        "here = pathlib.Path(sys.argv[1]); own = here / str(os.getpid()); own.touch()\n"
        "time.sleep(0.2); print(len(list(here.iterdir()))); own.unlink()",
    )
    (tmp_path / "running").mkdir()
    jobs = [job(str(i), "count", str(tmp_path / "running")) for i in range(5)]
    run_jobs(LocalExecutor(["cpu", "cpu"]), jobs)
    assert {int(each.log_file.read_text()) for each in jobs} <= {1, 2}


def test_progress_is_told_and_ends_at_the_total(write_command, job):
    write_command("work", 'import time\nfor i in range(3): print("Epoch", i, flush=True); time.sleep(0.1)')
    told = []
    training = job("training", "work", progress=r"Epoch (\d+)$", total=3)
    run_jobs(LocalExecutor(["cpu"]), [training], on_progress=lambda one, done: told.append((one.name, done)))
    assert told[-1] == ("training", 3)
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_when_one_fails_the_others_go_on_and_all_reasons_are_told(write_command, job):
    write_command("work", 'import sys\nprint("did", sys.argv[1])\nsys.exit(sys.argv[1] != "well")')
    jobs = [job("first", "work", "badly"), job("second", "work", "well"), job("third", "work", "worse")]
    with pytest.raises(CommandFailed) as failed:
        run_jobs(LocalExecutor(["cpu"]), jobs)
    assert jobs[1].log_file.read_text() == "did well\n"
    first, third = str(failed.value).splitlines()
    assert first.startswith("first: `work badly` failed with status 1: did badly")
    assert third.startswith("third: `work worse` failed with status 1: did worse")


def test_the_status_blames_the_disk_only_if_all_lacked_room(write_command, job):
    text = "OSError: [Errno 28] No space left on device"
    write_command("work", f"import sys\nprint({text!r} if sys.argv[1] == 'full' else 'x')\nsys.exit(1)")
    full, other = job("first", "work", "full"), job("second", "work", "other")
    with pytest.raises(DiskFull, match=r"^first: .*no space left"):
        run_jobs(LocalExecutor(["cpu"]), [full])
    with pytest.raises(CommandFailed, match="no space left") as failed:
        run_jobs(LocalExecutor(["cpu"]), [full, other])
    assert not isinstance(failed.value, DiskFull)


def test_what_a_killed_command_has_started_ends_with_it(write_command, job, tmp_path):
    """Like the data loader processes of a training, which keep its output open after it has ended."""
    program = (
        "import os, signal, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    write_command("train", program)
    training = job("training", "train")
    with pytest.raises(CommandFailed, match="failed with status -9"):
        run_jobs(LocalExecutor(["cpu"]), [training])
    child = int(training.log_file.read_text())
    for _ in range(100):
        if not is_alive(child):
            return
        time.sleep(0.1)
    pytest.fail("it is still alive")


def test_an_interrupt_stops_what_runs_and_forgets_what_waits(write_command, job):
    write_command("wait", 'import time\nprint("started", flush=True)\ntime.sleep(600)')
    jobs = [job("first", "wait"), job("second", "wait")]

    def interrupt(_job, _done):
        if jobs[0].log_file.is_file() and jobs[0].log_file.read_text():
            raise KeyboardInterrupt

    before, start = threading.active_count(), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_jobs(LocalExecutor(["cpu"]), jobs, on_progress=interrupt)
    assert time.monotonic() - start < 300  # it did not wait ten minutes
    assert not jobs[1].log_file.exists()
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("text", "devices"), [("cpu", ["cpu"]), ("cuda:0, cuda:0", ["cuda:0"] * 2), ("cuda", ["cuda"])]
)
def test_devices_are_read(text, devices):
    assert parse_devices(text) == devices


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cpu,,cpu", "cpu:0"])
def test_other_devices_are_refused(text):
    with pytest.raises(UserError, match="devices: "):
        parse_devices(text)


def test_states_are_told_in_order(write_command, job):
    write_command("work", 'import sys, time\ntime.sleep(0.2)\nsys.exit(sys.argv[1] != "well")')
    jobs = [job("first", "work", "well"), job("second", "work", "badly")]
    told = []
    with pytest.raises(CommandFailed):
        run_jobs(
            LocalExecutor(["cpu"]),
            jobs,
            on_state=lambda one, state, reason: told.append((one.name, state, bool(reason))),
        )
    assert [each for each in told if each[0] == "first"] == [
        ("first", "waiting", False),
        ("first", "running", False),
        ("first", "done", False),
    ]
    assert [each[1:] for each in told if each[0] == "second"] == [
        ("waiting", False),
        ("running", False),
        ("failed", True),
    ]


@pytest.mark.parametrize(("devices", "threads"), [(["cpu"], "None"), (["cpu", "cpu"], "4"), (["cpu"] * 9, "1")])
def test_jobs_on_one_processor_share_its_cores(write_command, job, monkeypatch, devices, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    write_command("show", 'import os\nprint(os.environ.get("OMP_NUM_THREADS"))')
    one = job("one", "show")
    run_jobs(LocalExecutor(devices), [one])
    assert one.log_file.read_text().strip() == threads


def test_a_number_of_threads_that_the_user_has_set_stays(write_command, job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    write_command("show", 'import os\nprint(os.environ["OMP_NUM_THREADS"])')
    one = job("one", "show")
    run_jobs(LocalExecutor(["cpu", "cpu"]), [one])
    assert one.log_file.read_text() == "3\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_command_ends_its_jobs(write_command, job, number):
    write_command("wait", "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)")
    one = job("one", "wait")
    before = signal.getsignal(number)

    def end_us(_job, _done):
        if one.log_file.is_file() and one.log_file.read_text().strip():
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        run_jobs(LocalExecutor(["cpu"]), [one], on_progress=end_us)
    assert not is_alive(int(one.log_file.read_text()))
    assert signal.getsignal(number) is before


def test_a_total_that_becomes_known_while_the_job_runs_is_told(write_command, job):
    write_command(
        "work",
        "import time\n"
        'for line in ("Epoch 0", "will end after about 7 epochs", "Epoch 1", "will end after about 5 epochs"):\n'
        "    print(line, flush=True); time.sleep(0.3)",
    )
    training = job("training", "work", progress=r"Epoch (\d+)$", new_total=r"will end after about (\d+) epochs")
    told = []
    run_jobs(
        LocalExecutor(["cpu"]),
        [training],
        on_progress=lambda _job, done: told.append(("done", done)),
        on_total=lambda _job, total: told.append(("total", total)),
    )
    assert [number for kind, number in told if kind == "total"] == [7, 5]
    assert told[-1] == ("done", 5)


def test_a_job_without_a_number_of_steps_ends_with_one(write_command, job):
    write_command("work", "")
    told = []
    run_jobs(
        LocalExecutor(["cpu"]),
        [job("plan", "work")],
        on_progress=lambda _job, done: told.append(("done", done)),
        on_total=lambda _job, total: told.append(("total", total)),
    )
    assert told[-2:] == [("total", 1), ("done", 1)]
