"""Run the arms of a problem on its folds, two at a time with one thread each. Existing results are kept.

An interrupted run resumes from its last checkpoint. Results are written to benchmarks/runs/accuracy/PROBLEM/.

Example: python benchmarks/accuracy/run.py lgg_4mm --arms stock,cscn --folds 0,1,2 --work models
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from arms import PROBLEMS, Problem  # noqa: E402
from calibrate import RUNS, one_arguments, result_name, single_stage_arms  # noqa: E402

from nnunet_cscn.cli.executor_options import run_with_progress  # noqa: E402
from nnunet_cscn.execution.jobs import Job  # noqa: E402
from nnunet_cscn.execution.local import LocalExecutor  # noqa: E402

EPOCH = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("--arms", help="some of them only, such as stock,cscn")
    parser.add_argument("--folds", help="some of them only, such as 0,1,2")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--budget", type=float, default=1.0, help="in multiples of the problem's")
    parser.add_argument("--work", type=Path, required=True, help="folder for the models")
    parser.add_argument("--at-a-time", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda, which all runs share")
    parser.add_argument("--precision", choices=("full", "bfloat16"), default="full", help="of the training")
    arguments = parser.parse_args()
    jobs = wanted_jobs(arguments)
    print(f"{len(jobs)} runs to do")
    run_with_progress(LocalExecutor(["cpu"] * arguments.at_a_time), jobs)


def wanted_jobs(arguments: argparse.Namespace) -> list[Job]:
    """Return the runs without results, ordered by fold, so that all arms advance together."""
    problem = PROBLEMS[arguments.problem]
    arms = single_stage_arms(problem) if arguments.arms is None else arguments.arms.split(",")
    folds = problem.folds if arguments.folds is None else [int(fold) for fold in arguments.folds.split(",")]
    jobs = []
    for seed in arguments.seeds.split(","):
        for fold in folds:
            for name in arms:
                label = result_name(name, arguments.budget, str(fold), seed, arguments.precision)
                result = RUNS / arguments.problem / f"{label}.json"
                if result.exists():
                    continue
                work = arguments.work / arguments.problem / f"x{arguments.budget:g}_{arguments.precision}"
                options = ["--seed", seed, "--json", str(result), "--work", str(work)]
                options += ["--device", arguments.device, "--precision", arguments.precision]
                iterations = iterations_of(arguments.problem, name, arguments.budget)
                log_file = arguments.work / arguments.problem / "logs" / f"{label}.log"
                jobs.append(job_of(problem, name, fold, iterations, options, log_file))
    return jobs


def job_of(problem: Problem, name: str, fold: int, iterations: int, options: list[str], log_file: Path) -> Job:
    """Return the job that runs one.py for an arm. It has the name of its log file."""
    command = ["python", str(HERE / "one.py"), *one_arguments(problem, problem.arms[name], name, fold)]
    command += ["--iterations", str(iterations), *options]
    return Job(
        log_file.stem,
        tuple(part.replace("{", "{{").replace("}", "}}") for part in command),
        log_file,
        progress=r"\bEpoch (\d+)\s*$",
        total=iterations // EPOCH,
    )


def iterations_of(problem_name: str, arm: str, budget: float) -> int:
    """Return the number of iterations of an arm in whole epochs: from its measured CPU time, or the same for all."""
    problem = PROBLEMS[problem_name]
    if problem.minutes is None:
        return round(problem.iterations * budget / EPOCH) * EPOCH
    measured = json.loads((RUNS / f"seconds_{problem_name}.json").read_text(encoding="utf-8"))
    seconds = measured[problem.arms[arm].timed_as or arm]["seconds"]
    return max(1, round(60 * problem.minutes * budget / seconds / EPOCH)) * EPOCH


if __name__ == "__main__":
    main()
