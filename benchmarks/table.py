"""Make a Markdown table from the JSON files of benchmarks/train.py and benchmarks/floor.py, with one row for each file.

Example: python benchmarks/table.py benchmarks/runs/npc_synth_*.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help="files to read, one row each")
    arguments = parser.parse_args()
    print("| method | label | DSC, mean (SD over cases) | F1 of means | ASSD (mm) | iterations | CPU minutes |")
    print("|---|---|---|---|---|---|---|")
    for file in arguments.files:
        run = json.loads(file.read_text(encoding="utf-8"))
        for label in run["aggregate"]:
            print(_row(run, label))


def _row(run: dict[str, Any], label: str) -> str:
    total = run["aggregate"][label]
    dsc = [scores[label]["dsc"] for scores in run["cases"].values() if scores[label]["dsc"] is not None]
    infinite = total["n_infinite_distance"]
    assd = "-" if total["assd_mm_mean"] is None else f"{total['assd_mm_mean']:.2f}"
    return (
        f"| {run['trainer']} | {label} | {total['dsc_mean']:.3f} ({np.std(dsc, ddof=1):.3f}) "
        f"| {total['f1_of_means']:.3f} | {assd}{f', {infinite} infinite' if infinite else ''} "
        f"| {run.get('iterations', '-')} | {run.get('training_cpu_minutes', '-')} |"
    )


if __name__ == "__main__":
    main()
