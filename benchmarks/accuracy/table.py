"""Make a Markdown table of the runs of a problem, with one row for each arm and paired differences to chosen arms.

Scores are means over the cases of the folds that all arms in the table have. The seeds of a case are averaged first.

Example: python benchmarks/accuracy/table.py lgg_4mm --against stock,coarse_half --differences dsc,assd_mm
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]

from arms import PROBLEMS  # noqa: E402
from calibrate import RUNS, result_name  # noqa: E402

from nnunet_cscn.stats.paired import compare_paired  # noqa: E402

SHORT = {"dsc": "DSC", "precision": "precision", "recall": "recall", "assd_mm": "ASSD", "nsd_2mm": "NSD"}
Scores = dict[tuple[str, str], list[dict[str, Any]]]  # by case and label: the scores of each seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--arms", help="some of them only, in this order")
    parser.add_argument("--folds", help="some of them only, such as 0,1,2")
    parser.add_argument("--against", default="stock", help="arms to compare with, such as stock,coarse_half")
    parser.add_argument("--differences", default="dsc", help="scores to compare, such as dsc,assd_mm,nsd_2mm")
    parser.add_argument("--large", type=float, metavar="ML", help="also the lowest DSC, and the volumes above this one")
    parser.add_argument("--precision", choices=("full", "bfloat16"), default="full", help="of the training")
    arguments = parser.parse_args()
    problem = PROBLEMS[arguments.problem]
    names = list(problem.arms) if arguments.arms is None else arguments.arms.split(",")
    folds = set(problem.folds if arguments.folds is None else map(int, arguments.folds.split(",")))
    runs = {name: _runs(arguments, name, folds) for name in names}
    runs = {name: found for name, found in runs.items() if found}
    shared = set.intersection(*({run["fold"] for run in found} for found in runs.values())) if runs else set()
    against = [name for name in arguments.against.split(",") if name in runs]
    budget = f"{arguments.budget:g} x {problem.minutes:g} CPU minutes" if problem.minutes else "the same iterations"
    print(f"Folds {', '.join(map(str, sorted(shared)))}; {budget}\n")
    compared = [(other, key) for other in against for key in arguments.differences.split(",")]
    heads = [f"{SHORT[key]} - {problem.arms[other].title}'s" for other, key in compared]
    print(
        "| arm | iterations | minutes | DSC (SD) | precision / recall | volume ratio | ASSD | NSD 2 mm | s a case |",
        end="",
    )
    print("".join(f" {head} |" for head in heads))
    print("|" + "---|" * (9 + len(heads)))
    scores = {name: _scores(found, shared) for name, found in runs.items()}
    for name in runs:
        found = [run for run in runs[name] if run["fold"] in shared]
        cells = [problem.arms[name].title, str(found[0]["iterations"]), _mean_of(found, "training_cpu_minutes")]
        dsc = list(_values(scores[name], "dsc").values())
        n_lost = sum(not math.isfinite(v) for v in _values(scores[name], "assd_mm").values())
        cells += [
            f"{statistics.fmean(dsc):.3f} ({statistics.stdev(dsc):.3f})",
            f"{_mean(scores[name], 'precision'):.2f} / {_mean(scores[name], 'recall'):.2f}",
            f"{_ratio(scores[name]):.2f}",
            f"{_mean(scores[name], 'assd_mm'):.2f}" + (f" ({n_lost} lost)" if n_lost else ""),
            f"{_mean(scores[name], 'nsd_2mm'):.3f}",
            f"{sum(r['prediction_seconds'] for r in found) / sum(len(r['cases']) for r in found):.2f}",
        ]
        cells += [_difference(scores[name], scores[other], key) if other != name else "-" for other, key in compared]
        print("| " + " | ".join(cells) + " |")
    if arguments.large is not None:
        _print_extremes({problem.arms[name].title: scores[name] for name in runs}, arguments.large)


def _print_extremes(scores: dict[str, Scores], large_ml: float) -> None:
    """Print the median and the lowest DSC of each arm, and the median volume ratio of large labels."""
    print(f"\n| arm | median DSC | lowest DSC | cases below 0.6 | cases above {large_ml:g} ml | their volume ratio |")
    print("|" + "---|" * 6)
    for title, found in scores.items():
        dsc = list(_values(found, "dsc").values())
        reference = _values(found, "reference_volume_ml")
        large = {case: found[case] for case in found if reference[case] > large_ml}
        cells = [f"{statistics.median(dsc):.3f}", f"{min(dsc):.3f}", str(sum(value < 0.6 for value in dsc))]
        cells += [str(len(large)), f"{_ratio(large):.2f}" if large else "-"]
        print("| " + " | ".join([title, *cells]) + " |")


def _runs(arguments: argparse.Namespace, arm: str, folds: set[int]) -> list[dict[str, Any]]:
    name = result_name(arm, arguments.budget, "*", "[0-9]", arguments.precision)
    files = sorted((RUNS / arguments.problem).glob(f"{name}.json"))
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [run for run in runs if run["fold"] in folds]


def _scores(runs: list[dict[str, Any]], folds: set[int]) -> Scores:
    found: Scores = {}
    for run in runs:
        if run["fold"] in folds:
            for case, labels in run["cases"].items():
                for label, scores in labels.items():
                    found.setdefault((case, label), []).append(scores)
    return found


def _values(scores: Scores, key: str) -> dict[tuple[str, str], float]:
    """Return the mean over seeds for each case. Undefined values are excluded."""
    found = {}
    for case, seeds in scores.items():
        values = [float(each[key]) for each in seeds if each[key] is not None]
        if values:
            found[case] = statistics.fmean(values)
    return found


def _mean(scores: Scores, key: str) -> float:
    finite = [value for value in _values(scores, key).values() if math.isfinite(value)]
    return statistics.fmean(finite) if finite else math.nan


def _mean_of(runs: list[dict[str, Any]], key: str) -> str:
    return f"{statistics.fmean(run[key] for run in runs):.1f}"


def _ratio(scores: Scores) -> float:
    predicted, true = _values(scores, "volume_ml"), _values(scores, "reference_volume_ml")
    return statistics.median(predicted[case] / true[case] for case in true if true[case] > 0)


def _difference(ours: Scores, theirs: Scores, key: str) -> str:
    """Compare two arms case by case. Cases with an infinite distance in one of them are excluded and counted."""
    first, second = _values(ours, key), _values(theirs, key)
    shared = sorted(first.keys() & second.keys())
    cases = [case for case in shared if math.isfinite(first[case]) and math.isfinite(second[case])]
    found = compare_paired([first[case] for case in cases], [second[case] for case in cases])
    p = "p < 0.001" if found.p < 0.001 else f"p {found.p:.3f}"
    left_out = "" if len(cases) == len(ours) else f", {len(ours) - len(cases)} cases left out"
    digits = 2 if key.endswith("_mm") else 3
    numbers = (f"{value:+.{digits}f}" for value in (found.difference, found.low, found.high))
    return "{} ({} to {}), {}{}".format(*numbers, p, left_out)


if __name__ == "__main__":
    main()
