"""Run many inputs in processes of their own, so that an input that ends its process or takes its memory is found."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fuzz.reader import Campaign, Judged, Reader

SECONDS = 60  # for one input
MEMORY = 2 * 2**30  # bytes that an input may add to the process
PEAK = 512 * 2**20  # bytes of memory that an input may use; the seeds are a few kB

_TESTS = Path(__file__).resolve().parents[1]


def judged_in_process(name: str, seed: int, numbers: range) -> Iterator[tuple[int, Judged]]:
    """Yield the outcome of each input of a reader. A process that ends is a finding, and a new one goes on."""
    first = numbers.start
    while first < numbers.stop:
        process = _started(name, seed, range(first, numbers.stop))
        assert process.stdout is not None
        for line in _lines(process):
            found = json.loads(line)
            first = found.pop("number") + 1
            yield first - 1, Judged(**found)
        process.kill()
        status = process.wait()
        if first < numbers.stop:
            why = "takes longer than a minute" if status == -9 else f"ends the process with status {status}"
            yield first, Judged("finding", "?", why)
            first += 1


def work(reader: Reader, seed: int, numbers: range) -> None:
    """Run inputs in this process and write a line of JSON for each."""
    with tempfile.TemporaryDirectory() as place:
        campaign = Campaign(reader, Path(place) / "seed")
        for number in numbers:
            _reset_peak()
            before = _memory("VmHWM")
            judged = campaign.run(seed, number)
            grown = _memory("VmHWM") - before
            if judged.outcome != "finding" and grown > PEAK:
                judged = Judged("finding", judged.how, f"takes {grown / 2**20:.0f} MB")
            print(json.dumps({"number": number, **vars(judged)}), flush=True)


def limit_memory() -> None:
    """Let this process take only ``MEMORY`` bytes more."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    size = _memory("VmSize") + MEMORY
    if size > MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _started(name: str, seed: int, numbers: range) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fuzz", "--work", name, str(seed), str(numbers.start), str(numbers.stop)]
    path = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield lines of a process until it ends, or is silent for too long."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(SECONDS + 60):
            line = process.stdout.readline()
            if not line:
                process.wait()
                return
            yield line


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:  # another system
        return


def _memory(field: str) -> int:
    """Return a number of bytes from the system's account of this process; 0 where it has none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)
