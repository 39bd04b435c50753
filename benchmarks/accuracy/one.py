"""Train one arm on one fold for a given number of iterations, predict its validation cases and score them.

An interrupted run resumes from its last checkpoint and keeps its CPU time. All arms are predicted in the same way: with
nnU-Net's sliding window, without mirroring, on one thread. Training uses full precision, on a GPU (``--device cuda``)
too. ``--precision bfloat16`` trains in mixed precision, up to twice as fast on a CPU with AMX. It does not change
prediction: nnU-Net uses full precision on a CPU and mixed precision on a GPU.

Example: python benchmarks/accuracy/one.py 905 3d_scaled 0 CSCNTrainer --iterations 3000 --work runs --name cscn
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from nnunet_cscn.files import write_json

EPOCH = 50  # iterations per epoch of nnU-Net's log
SAVE_MINUTES = 4
KEPT = ("dsc", "precision", "recall", "assd_mm", "hd95_mm", "nsd_2mm", "volume_ml", "reference_volume_ml")


def main() -> None:
    arguments = _parse()
    target = arguments.work / f"{arguments.name}_{arguments.iterations}_f{arguments.fold}_s{arguments.seed}"
    result = arguments.json or target.with_suffix(".json")
    if result.exists():
        print(f"{result} is there already")
        return
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    os.environ["nnUNet_results"] = str((arguments.results or target).resolve())  # noqa: SIM112
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import torch
    import train
    from validation import predict_validation

    torch.set_num_threads(1)
    trainer = _trainer(train, arguments)
    clock = CpuClock(Path(trainer.output_folder) / "cpu_seconds.json")
    _save_by_time(trainer, clock)
    set_precision(trainer, arguments.precision)
    trainer.run_training()
    clock.note()
    set_precision(trainer, "full")
    seconds = predict_validation(trainer, Path(trainer.output_folder) / "validation")
    report = report_of(trainer, arguments, clock.seconds, seconds)
    write_json(result, report)
    print(summary(report))


def report_of(trainer: Any, arguments: argparse.Namespace, training: float, prediction: float) -> dict[str, Any]:
    """Score the predicted validation cases. Times are in seconds."""
    import train

    report: dict[str, Any] = train._report(trainer, training, training)
    report.update(name=arguments.name, seed=arguments.seed, prediction_seconds=prediction, options=arguments.set)
    report["precision"] = arguments.precision
    report["volume_ratio_median"] = volume_ratio(report)
    report["cases"] = {
        case: {label: {key: scores[key] for key in KEPT} for label, scores in labels.items()}
        for case, labels in report["cases"].items()
    }
    del report["aggregate"]
    report["train_losses"] = report["train_losses"][-1:]
    return report


class CpuClock:
    """The CPU seconds of a training over all its attempts, stored next to its checkpoint."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = json.loads(file.read_text())["seconds"] if file.exists() else 0.0
        self.start = time.process_time()
        self.seconds = self.before

    def note(self) -> None:
        self.seconds = self.before + time.process_time() - self.start
        write_json(self.file, {"seconds": self.seconds})  # atomic, because a resumed run reads it


def volume_ratio(report: dict[str, Any]) -> dict[str, float | None]:
    """Return, for each label, the median of predicted volume / reference volume."""
    ratios: dict[str, list[float]] = {}
    for case in report["cases"].values():
        for label, scores in case.items():
            predicted, true = scores["volume_ml"], scores["reference_volume_ml"]
            if true:
                ratios.setdefault(label, []).append(predicted / true)
    return {label: statistics.median(values) for label, values in ratios.items()}


def summary(report: dict[str, Any]) -> str:
    rows = []
    for label in next(iter(report["cases"].values())):

        def mean(key: str, label: str = label) -> float:
            values = [case[label][key] for case in report["cases"].values()]
            finite = [v for v in values if isinstance(v, float) and math.isfinite(v)]
            return statistics.fmean(finite) if finite else float("nan")

        rows.append(
            f"{report['name']} it {report['iterations']} fold {report['fold']} seed {report['seed']} {label}: "
            f"DSC {mean('dsc'):.3f} P {mean('precision'):.3f} R {mean('recall'):.3f} ASSD {mean('assd_mm'):.2f} "
            f"NSD {mean('nsd_2mm'):.3f} ratio {report['volume_ratio_median'].get(label, math.nan):.2f} "
            f"CPU {report['training_cpu_minutes']} min predict {report['prediction_seconds']:.1f} s "
            f"loss {report['train_losses'][-1]:.3f}"
        )
    return "\n".join(rows)


def _save_by_time(trainer: Any, clock: CpuClock) -> None:
    """Save the latest checkpoint after an epoch if the last one is older than SAVE_MINUTES, with its CPU time."""
    trainer.logger.plot_progress_png = lambda _folder: None  # saves half a second per epoch
    saved = time.monotonic()
    end_epoch, save = trainer.on_epoch_end, trainer.save_checkpoint

    def end_epoch_and_save_when_due() -> None:
        trainer.save_every = 1 if time.monotonic() - saved > 60 * SAVE_MINUTES else 10**9
        end_epoch()  # saves before it counts the epoch, so that the checkpoint names the right one

    def save_with_time(filename: str) -> None:
        nonlocal saved
        save(filename)
        if Path(filename).name == "checkpoint_latest.pth":
            clock.note()
            saved = time.monotonic()

    trainer.on_epoch_end, trainer.save_checkpoint = end_epoch_and_save_when_due, save_with_time


def set_precision(trainer: Any, precision: str) -> None:
    """Choose the precision of the steps: "full" for float32, "bfloat16" for mixed precision. The losses get float32.

    nnU-Net itself mixes precision on a GPU alone, in float16. Full precision keeps the results of a GPU comparable with
    those of a CPU.
    """
    import torch
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock

    def context(*_args: Any, **_kwargs: Any) -> Any:
        if precision == "full":
            return contextlib.nullcontext()
        return torch.autocast(trainer.device.type, dtype=torch.bfloat16)

    trainer.grad_scaler = None  # bfloat16 has the range of float32
    stock.autocast = stock.dummy_context = context
    if precision == "bfloat16":
        trainer.network.register_forward_hook(lambda _network, _inputs, output: _to_float32(output))


def _to_float32(output: Any) -> Any:
    """Return the outputs of a network, in lists of any depth, with logits in float32."""
    if isinstance(output, list | tuple):
        return [_to_float32(each) for each in output]
    return output.float() if output.is_floating_point() else output


def _trainer(train: Any, arguments: argparse.Namespace) -> Any:
    from controls import CONTROLS

    from nnunet_cscn.planning.configurations import Changes, derive_configuration
    from nnunet_cscn.planning.options import merge_options, parse_assignments

    numbers = lambda text, kind: None if text is None else [kind(part) for part in text.split(",")]  # noqa: E731
    plans = train.read_plans(arguments.dataset, arguments.plans)
    options = merge_options(
        {"epochs": max(1, arguments.iterations // EPOCH), "iterations_per_epoch": EPOCH,
         "validation_iterations_per_epoch": 1, "seed": arguments.seed},
        parse_assignments(arguments.set),
    )  # fmt: skip
    changes = Changes(
        options=options, patch_size=numbers(arguments.patch_size, int), batch_size=arguments.batch_size,
        features=arguments.features, max_features=arguments.max_features,
    )  # fmt: skip
    entry = derive_configuration(plans, arguments.configuration, arguments.name, changes)
    plans["configurations"][arguments.name] = entry
    trainer_class = CONTROLS.get(arguments.trainer) or train.trainer_named(arguments.trainer)
    trainer = train.prepare(
        arguments.dataset, arguments.name, arguments.fold, trainer_class, device=arguments.device, plans=plans
    )
    latest = Path(trainer.output_folder) / "checkpoint_latest.pth"
    final = Path(trainer.output_folder) / "checkpoint_final.pth"
    if (found := final if final.exists() else latest if latest.exists() else None) is not None:
        trainer.load_checkpoint(str(found))
    return trainer


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration", help="one that is preprocessed, from which the arm's own is derived")
    parser.add_argument("fold", type=int)
    parser.add_argument("trainer", help="such as nnUNetTrainer or CSCNTrainer")
    parser.add_argument("--name", required=True, help="the arm's name, which its configuration gets")
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plans", default="nnUNetPlans")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the method")
    parser.add_argument("--patch-size")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--features", type=int)
    parser.add_argument("--max-features", type=int)
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--precision", choices=("full", "bfloat16"), default="full", help="of the training")
    parser.add_argument("--work", type=Path, required=True, help="folder for models and results")
    parser.add_argument("--results", type=Path, help="folder for the models, which runs share; by default one for each")
    parser.add_argument("--json", type=Path, help="file to write; below the work folder by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
