"""Damage files for every reader and count the outcomes: ``PYTHONPATH=tests python -m fuzz --inputs 10000 --seed 0``."""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from fuzz.catalogue import READERS
from fuzz.processes import judged_in_process, limit_memory, work
from fuzz.reader import Judged


def main() -> int:
    """Run the inputs, print a table, and return 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="number of inputs for all readers together")
    parser.add_argument("--seed", type=int, default=0, help="another seed damages the files in other ways")
    parser.add_argument("--readers", nargs="*", metavar="NAME", default=list(READERS), help="only these readers")
    parser.add_argument("--processes", type=int, default=2, help="readers at the same time")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        name, seed, start, stop = given.work
        limit_memory()
        work(READERS[name], int(seed), range(int(start), int(stop)))
        return 0
    return report(given.readers, given.inputs, given.seed, given.processes)


def report(readers: list[str], n_inputs: int, seed: int, n_processes: int) -> int:
    """Run inputs for readers, print the counts and the first findings, and return 1 if there are any."""
    unit = n_inputs / sum(READERS[name].share for name in readers)
    start = time.monotonic()
    print(f"{date.today()}, Python {platform.python_version()}, {platform.system()}, seed {seed}")
    print("| reader | inputs | read | refused | findings |\n|---|---|---|---|---|")
    total = Counter[str]()
    findings: list[str] = []

    def run(name: str) -> tuple[str, list[tuple[int, Judged]]]:
        return name, list(judged_in_process(name, seed, range(math.ceil(unit * READERS[name].share))))

    with ThreadPoolExecutor(n_processes) as pool:
        for name, judged in pool.map(run, readers):
            counts = Counter(each.outcome for _, each in judged)
            total += counts
            print(f"| {name} | {len(judged)} | {counts['read']} | {counts['refused']} | {counts['finding']} |", flush=True)
            findings += [
                f"{name} {number}: {each.how}\n{each.detail}" for number, each in judged if each.outcome == "finding"
            ]
    print(f"| all | {total.total()} | {total['read']} | {total['refused']} | {total['finding']} |")
    print(f"{time.monotonic() - start:.0f} s")
    print("\n".join(findings), file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
