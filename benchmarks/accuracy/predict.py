"""Predict the validation cases with trained weights and other options of prediction, and score them.

Existing results are kept. All is done in this process, on one thread.

Example: python benchmarks/accuracy/predict.py predict_lgg_4mm --models models/lgg_4mm/x1_full --of cscn_coarse_1
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from arms import PROBLEMS, Problem  # noqa: E402
from calibrate import RUNS, one_arguments, result_name  # noqa: E402

from nnunet_cscn.files import write_json  # noqa: E402


def main() -> None:
    arguments = read_arguments(__doc__)
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    with tempfile.TemporaryDirectory() as folder:
        os.environ["nnUNet_results"] = folder  # noqa: SIM112  read when nnunetv2 is imported
        _predict_all(PROBLEMS[arguments.problem], RUNS / arguments.problem, arguments.models, arguments.of)


def read_arguments(description: str | None) -> argparse.Namespace:
    """Read the command line: a problem, and models that are trained already."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=[name for name in PROBLEMS if name.startswith("predict_")])
    parser.add_argument("--models", type=Path, required=True, help="folder of the models that run.py trained")
    parser.add_argument("--of", required=True, metavar="ARM", help="the arm that was trained")
    return parser.parse_args()


def trained_checkpoint(models: Path, arm: str, iterations: int, fold: int) -> Path:
    """Return the final checkpoint of a run, or leave with a message if there is none."""
    model = models / f"{arm}_{iterations}_f{fold}_s0"
    checkpoints = list(model.rglob("checkpoint_final.pth"))
    if len(checkpoints) != 1:
        sys.exit(f"{model}: expected one checkpoint_final.pth, found {len(checkpoints)}")
    return checkpoints[0]


def trained_cascade(problem: Problem, name: str, fold: int, checkpoint: Path) -> tuple[argparse.Namespace, Any]:
    """Return the arguments of one.py for an arm, and its trainer with trained weights."""
    import one
    import torch
    import train

    torch.set_num_threads(1)
    sys.argv = ["one.py", *one_arguments(problem, problem.arms[name], name, fold)]
    sys.argv += ["--iterations", str(problem.iterations), "--work", os.environ["nnUNet_results"]]  # noqa: SIM112
    arguments = one._parse()
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = one._trainer(train, arguments)
        trainer.load_checkpoint(str(checkpoint))
    return arguments, trainer


def _predict_all(problem: Problem, results: Path, models: Path, arm: str) -> None:
    from one import report_of, summary
    from validation import predict_validation

    for fold in problem.folds:
        checkpoint = trained_checkpoint(models, arm, problem.iterations, fold)
        for name in problem.arms:
            file = results / f"{result_name(name, 1.0, str(fold), '0', 'full')}.json"
            if file.exists():
                continue
            arguments, trainer = trained_cascade(problem, name, fold, checkpoint)
            seconds = predict_validation(trainer, Path(trainer.output_folder) / "validation")
            report = report_of(trainer, arguments, 0.0, seconds)
            write_json(file, report)
            print(summary(report))


if __name__ == "__main__":
    main()
