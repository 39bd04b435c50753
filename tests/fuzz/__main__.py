"""Damage files for every reader and count the outcomes: ``PYTHONPATH=tests python -m fuzz --inputs 10000 --seed 0``."""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections import Counter
from datetime import date

from fuzz.catalogue import READERS
from fuzz.processes import judged_in_processes, limit_memory, work


def main() -> int:
    """Run the inputs, print a table, and return 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="number of inputs for all readers together")
    parser.add_argument("--seed", type=int, default=0, help="another seed damages the files in other ways")
    parser.add_argument("--readers", nargs="*", metavar="NAME", default=list(READERS), help="only these readers")
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        limit_memory()
        for name, (start, stop) in given.work.items():
            work(READERS[name], given.seed, range(start, stop))
        return 0
    return report(given.readers, given.inputs, given.seed)


def report(readers: list[str], n_inputs: int, seed: int) -> int:
    """Run inputs for readers, print the counts and the findings, and return 1 if there are any."""
    unit = n_inputs / sum(READERS[name].share for name in readers)
    wanted = {name: math.ceil(unit * READERS[name].share) for name in readers}
    outcomes: dict[str, Counter[str]] = {name: Counter() for name in readers}
    start, n_findings = time.monotonic(), 0
    print(f"{date.today()}, Python {platform.python_version()}, {platform.system()}, seed {seed}", flush=True)
    for name, number, judged in judged_in_processes(wanted, seed):
        outcomes[name][judged.outcome] += 1
        if judged.outcome == "finding":
            n_findings += 1
            print(f"{name} {number}: {judged.how}\n{judged.detail}", file=sys.stderr, flush=True)
    total = sum(outcomes.values(), Counter())
    print("| reader | inputs | read | refused | findings |\n|---|---|---|---|---|")
    for name, counts in {**outcomes, "all": total}.items():
        print(f"| {name} | {counts.total()} | {counts['read']} | {counts['refused']} | {counts['finding']} |")
    print(f"{time.monotonic() - start:.0f} s")
    return 1 if n_findings else 0


if __name__ == "__main__":
    sys.exit(main())
