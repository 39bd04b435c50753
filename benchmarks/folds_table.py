"""Make a Markdown table of the runs of several folds: folds 0 to 2 (used to choose the defaults), and folds 3 and 4.

Each argument is the name of a method and the JSON files of its folds from benchmarks/train.py. Differences are to the
first method, paired by case, over all folds that both methods have.

Example: python benchmarks/folds_table.py BUNet=runs/sts_bunet_0.json,runs/sts_bunet_1.json CSCN=runs/sts_cscn_0.json
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from nnunet_cscn.stats.paired import compare_paired

GROUPS = {"folds 0 to 2": (0, 1, 2), "folds 3 and 4": (3, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+", metavar="NAME=FILE,FILE", help="one row each")
    methods = dict(_read(argument) for argument in parser.parse_args().methods)
    first = next(iter(methods.values()))
    print(f"| method | {' | '.join(f'DSC, {group}' for group in GROUPS)} | ASSD (mm), all | difference | CPU minutes |")
    print("|---|---|---|---|---|---|")
    for name, runs in methods.items():
        groups = " | ".join(_mean([run for run in runs if run["fold"] in folds]) for folds in GROUPS.values())
        cpu = statistics.fmean(run["training_cpu_minutes"] for run in runs)
        print(f"| {name} | {groups} | {_assd(runs)} | {_difference(runs, first)} | {cpu:.1f} |")


def _read(argument: str) -> tuple[str, list[dict[str, Any]]]:
    name, _, files = argument.partition("=")
    runs = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files.split(",")]
    return name, sorted(runs, key=lambda run: int(run["fold"]))


def _values(runs: list[dict[str, Any]], key: str) -> dict[str, float]:
    """Return one value for each case (these data sets have one label)."""
    found = {case: next(iter(scores.values()))[key] for run in runs for case, scores in run["cases"].items()}
    return {case: float(value) for case, value in found.items() if value is not None}


def _mean(runs: list[dict[str, Any]]) -> str:
    values = list(_values(runs, "dsc").values())
    return f"{statistics.fmean(values):.3f} ({statistics.stdev(values):.3f}, {len(values)} cases)" if values else "-"


def _assd(runs: list[dict[str, Any]]) -> str:
    values = list(_values(runs, "assd_mm").values())
    finite = [value for value in values if value != float("inf")]
    missed = f", {len(values) - len(finite)} infinite" if len(finite) < len(values) else ""
    return f"{statistics.fmean(finite):.2f}{missed}"


def _difference(runs: list[dict[str, Any]], first: list[dict[str, Any]]) -> str:
    ours, theirs = _values(runs, "dsc"), _values(first, "dsc")
    cases = sorted(ours.keys() & theirs.keys())
    found = compare_paired([ours[case] for case in cases], [theirs[case] for case in cases])
    if not found.n_larger + found.n_smaller:
        return "-"
    return f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}), p {found.p:.3f}"


if __name__ == "__main__":
    main()
