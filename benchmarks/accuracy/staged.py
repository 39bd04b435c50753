"""Run the staged arm of a problem: stage one, its out-of-fold probabilities, and stage two.

Each stage gets half of the time of the other arms. Stage one is trained on all folds, stage two on the wanted ones.
Existing models, probabilities and results are kept, and an interrupted run resumes.

Example: python benchmarks/accuracy/staged.py lgg_4mm --folds 0,1,2 --work models
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from arms import PROBLEMS, Arm  # noqa: E402
from calibrate import RUNS, result_name  # noqa: E402
from run import iterations_of, job_of  # noqa: E402

from nnunet_cscn.cli.executor_options import run_with_progress  # noqa: E402
from nnunet_cscn.execution.local import LocalExecutor  # noqa: E402

ARM = "staged"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=[name for name, problem in PROBLEMS.items() if ARM in problem.arms])
    parser.add_argument("--folds", help="of stage two; some of them only, such as 0,1,2")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--budget", type=float, default=1.0, help="in multiples of the problem's, for both stages")
    parser.add_argument("--work", type=Path, required=True, help="folder for the models")
    parser.add_argument("--at-a-time", type=int, default=2)
    arguments = parser.parse_args()
    problem = PROBLEMS[arguments.problem]
    stage_one = problem.arms[ARM].stage_one
    assert stage_one is not None
    results = arguments.work / arguments.problem / f"{ARM}_x{arguments.budget:g}_s{arguments.seed}"
    os.environ["nnUNet_results"] = str(results.resolve())  # noqa: SIM112
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in (stage_one, ARM):
        _configure(problem.dataset, name, problem.arms[name], problem.configuration)
    _train(arguments, stage_one, problem.folds, results)
    _cscn("cascade", problem.dataset, stage_one, "--onto", ARM, "--devices", "cpu")
    if ARM not in json.loads((RUNS / f"seconds_{arguments.problem}.json").read_text(encoding="utf-8")):
        measure = [sys.executable, str(HERE / "calibrate.py"), arguments.problem, "--arms", ARM, "--results"]
        subprocess.run([*measure, str(results)], check=True)
    folds = problem.folds if arguments.folds is None else tuple(int(fold) for fold in arguments.folds.split(","))
    _train(arguments, ARM, folds, results)


def _configure(dataset: int, name: str, arm: Arm, configuration: str) -> None:
    """Store the configuration of a stage in the plans, where the other stage looks for it.

    Another problem may have stored one of this name. Its results have their own folder, and the maps note their origin.
    """
    base = arm.configuration or configuration
    _cscn("configure", dataset, base, name, *shlex.split(arm.options), "--overwrite")


def _train(arguments: argparse.Namespace, name: str, folds: tuple[int, ...], results: Path) -> None:
    problem = PROBLEMS[arguments.problem]
    iterations = iterations_of(arguments.problem, name, arguments.budget / 2)
    jobs = []
    for fold in folds:
        label = result_name(name, arguments.budget, str(fold), arguments.seed, "full")
        options = ["--seed", arguments.seed, "--json", str(RUNS / arguments.problem / f"{label}.json")]
        options += ["--work", str(results), "--results", str(results)]
        jobs.append(job_of(problem, name, fold, iterations, options, results / "logs" / f"{label}.log"))
    run_with_progress(LocalExecutor(["cpu"] * arguments.at_a_time), jobs)


def _cscn(*arguments: str | int) -> None:
    subprocess.run(["cscn", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
