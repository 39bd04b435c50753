"""Compare the stages case by case, from a file of ``cascade_inference.py``.

For folds 0 to 2, folds 3 and 4, and all folds: mean difference of DSC, 95 % bootstrap interval and Wilcoxon p value.

Example: python benchmarks/stage_differences.py benchmarks/runs/sts_staged_inference.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from nnunet_cscn.stats.paired import compare_paired

PAIRS = (("dsc_mean", "dsc_coarse"), ("dsc_fine", "dsc_mean"), ("dsc_mean_stitched", "dsc_mean"))
GROUPS = {"0 to 2": (0, 1, 2), "3 and 4": (3, 4), "all": (0, 1, 2, 3, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    cases = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))["cases"].values()
    print("| difference | folds | cases | mean (95 % interval) | p | better / worse |\n|---|---|---|---|---|---|")
    for first, second in PAIRS:
        for name, folds in GROUPS.items():
            chosen = [case for case in cases if case["fold"] in folds and first in case]
            if chosen:
                found = compare_paired([case[first] for case in chosen], [case[second] for case in chosen])
                interval = f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
                wins = f"{found.n_larger} / {found.n_smaller}"
                print(f"| {first} - {second} | {name} | {found.n} | {interval} | {found.p:.3f} | {wins} |")


if __name__ == "__main__":
    main()
