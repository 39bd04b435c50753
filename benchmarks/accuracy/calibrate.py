"""Measure the CPU time of one iteration of each arm of a problem, including data loading, on one thread.

Each measurement is a separate process, and the arms run alternately. The medians define the number of iterations of
each arm for the same time. Run this script on an idle machine.

Example: python benchmarks/accuracy/calibrate.py lgg_4mm
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNS = HERE.parent / "runs" / "accuracy"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from arms import PROBLEMS, Arm, Problem  # noqa: E402

from nnunet_cscn.files import write_json  # noqa: E402
from nnunet_cscn.freed_memory import KEEP_FREED_MEMORY  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("--arms", help="some of them only, such as stock,cscn; stock is measured in any case")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--results", type=Path, help="folder of the models that a staged arm needs")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    problem = PROBLEMS[arguments.problem]
    if arguments.child:
        print(json.dumps(measure(problem, arguments.child, arguments.steps, arguments.results)))
        return
    wanted = single_stage_arms(problem) if arguments.arms is None else ["stock", *arguments.arms.split(",")]
    found: dict[str, list[float]] = {name: [] for name in dict.fromkeys(wanted)}
    for _ in range(arguments.rounds):
        for name in found:
            command = [sys.executable, __file__, arguments.problem, "--child", name, "--steps", str(arguments.steps)]
            command += [] if arguments.results is None else ["--results", str(arguments.results)]
            # our trainers keep freed memory by themselves
            environment = {**os.environ, **KEEP_FREED_MEMORY}
            done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=environment)
            found[name] += json.loads(done.stdout.strip().splitlines()[-1])
    file = RUNS / f"seconds_{arguments.problem}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    stock = statistics.median(found["stock"])
    before = known.get("stock", {}).get("seconds", stock)
    for name, seconds in found.items():
        low, middle, high = statistics.quantiles(seconds, n=4)
        # scaled to the measurement that defined the budgets, so that arms added later get the same time
        known.setdefault(
            name, {"seconds": middle * before / stock, "quartiles": [low, high], "x_stock": middle / stock}
        )
        print(f"{name}: {middle:.3f} s ({low:.3f} to {high:.3f}), {middle / stock:.2f} x stock")
    write_json(file, known)


def measure(problem: Problem, name: str, n_steps: int, results: Path | None = None) -> list[float]:
    """Measure the CPU seconds of iterations in this process. A staged arm needs the folder of its stage one."""
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    import one
    import torch
    import train

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        needed = results if problem.arms[name].stage_one else None
        os.environ["nnUNet_results"] = str(needed or folder)  # noqa: SIM112
        sys.argv = ["one.py", *one_arguments(problem, problem.arms[name], name, 0), "--iterations", "50"]
        sys.argv += ["--work", folder]
        trainer = one._trainer(train, one._parse())
        trainer.disable_checkpointing = True
        trainer.on_train_start()
        trainer.on_train_epoch_start()
        seconds = []
        for _ in range(n_steps + 2):
            start = time.process_time()
            trainer.train_step(next(trainer.dataloader_train))
            seconds.append(time.process_time() - start)
    return seconds[2:]  # the first iterations allocate memory


def single_stage_arms(problem: Problem) -> list[str]:
    """Return the arms without a stage one. staged.py runs the others."""
    return [name for name, arm in problem.arms.items() if arm.stage_one is None]


def one_arguments(problem: Problem, arm: Arm, name: str, fold: int) -> list[str]:
    """Return the arguments of one.py for one arm."""
    configuration = arm.configuration or problem.configuration
    return [
        str(problem.dataset), configuration, str(fold), arm.trainer, "--name", name, "--plans", arm.plans,
        *shlex.split(arm.options),
    ]  # fmt: skip


def result_name(arm: str, budget: float, fold: str, seed: str, precision: str) -> str:
    """Return the name of a run's result without its ending. "*" stands for all folds or seeds."""
    ending = "" if precision == "full" else f"_{precision}"
    return f"{arm}_x{budget:g}_f{fold}_s{seed}{ending}"


if __name__ == "__main__":
    main()
