"""The table of the accuracy benchmarks, as its command prints it."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_prints_the_mean_dsc_and_the_paired_difference():
    command = [sys.executable, "benchmarks/accuracy/table.py", "lgg_4mm"]
    command += ["--arms", "cscn,cscn_wide", "--folds", "0,1", "--against", "cscn"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True)
    first, second = (line for line in done.stdout.splitlines() if line.startswith("| first CSCN"))
    default, wide = _dsc("cscn"), _dsc("cscn_wide")
    assert f"| {statistics.fmean(default):.3f} ({statistics.stdev(default):.3f}) |" in first
    assert f"| {statistics.fmean(wide):.3f} ({statistics.stdev(wide):.3f}) |" in second
    assert f"| {statistics.fmean(wide) - statistics.fmean(default):+.3f} (" in second


def test_the_extremes_are_those_of_the_cases():
    command = [sys.executable, "benchmarks/accuracy/table.py", "lgg_4mm", "--arms", "cscn", "--folds", "0,1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--large", "1e9"], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    dsc = _dsc("cscn")
    low = sum(value < 0.6 for value in dsc)
    assert f"| {statistics.median(dsc):.3f} | {min(dsc):.3f} | {low} | 0 | - |" in done.stdout.splitlines()[-1]


def _dsc(arm: str) -> list[float]:
    folder = ROOT / "benchmarks" / "runs" / "accuracy" / "lgg_4mm"
    runs = [json.loads((folder / f"{arm}_x1_f{fold}_s0.json").read_text(encoding="utf-8")) for fold in (0, 1)]
    return [label["dsc"] for run in runs for case in run["cases"].values() for label in case.values()]
