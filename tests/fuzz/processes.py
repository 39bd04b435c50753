"""Run many inputs in processes of their own, so that an input that ends its process or takes its memory is found."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from fuzz.reader import Campaign, Judged, Reader

SECONDS = 90  # for one input, or the start of a process
MEMORY = 2 * 2**30  # bytes that an input may add to the process
PEAK = 512 * 2**20  # bytes of memory that an input may use; the seeds are a few kB

_TESTS = Path(__file__).resolve().parents[1]


def judged_in_processes(counts: Mapping[str, int], seed: int) -> Iterator[tuple[str, int, Judged]]:
    """Yield the outcome of each input of some readers. A process that ends is a finding, and a new one goes on.

    Args:
        counts: Number of inputs of each reader.
        seed: The seed.
    """
    left = {name: range(count) for name, count in counts.items()}
    while left:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            process = _started(left, seed, errors)
            for line in _lines(process):
                found = json.loads(line)
                name, number = found.pop("reader"), found.pop("number")
                left = _behind(left, name, number)
                yield name, number, Judged(**found)
            process.kill()
            status = process.wait()
            errors.seek(0)
            last_words = errors.read()[-500:]
        if left:
            name, numbers = next(iter(left.items()))
            why = f"takes longer than {SECONDS} s" if status == -9 else f"ends the process with status {status}"
            yield name, numbers.start, Judged("finding", "?", f"{why}: {last_words}")
            left = _behind(left, name, numbers.start)


def _behind(left: Mapping[str, range], name: str, number: int) -> dict[str, range]:
    """Return what is left behind an input of a reader."""
    others = {each: numbers for each, numbers in left.items() if each != name}
    numbers = range(number + 1, left[name].stop)
    return {name: numbers, **others} if numbers else others


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
            print(json.dumps({"reader": reader.name, "number": number, **vars(judged)}), flush=True)


def limit_memory() -> None:
    """Let this process take only ``MEMORY`` bytes more."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    size = _memory("VmSize") + MEMORY
    if size > MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _started(left: Mapping[str, range], seed: int, errors: IO[str]) -> subprocess.Popen[str]:
    tasks = {name: [numbers.start, numbers.stop] for name, numbers in left.items()}
    command = [sys.executable, "-m", "fuzz", "--seed", str(seed), "--work", json.dumps(tasks)]
    path = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", env=env)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield lines of a process until it ends, or is silent for too long."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(SECONDS):
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
