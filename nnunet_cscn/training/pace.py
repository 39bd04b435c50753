"""Measure the speed of a training on a few steps.

This module is also a program, ``python -m nnunet_cscn.training.pace``. It runs in a separate process, so that the
measurement occupies no memory afterwards.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.files import write_json

N_WARM_UP = 2  # the first steps allocate memory and, on a GPU, try algorithms


@dataclass(frozen=True)
class Pace:
    """The speed of a training, and its number of steps.

    Attributes:
        train_step_s: Median time of a training step with loading its batch, in seconds.
        validation_step_s: The same of a validation step.
        forward_s: Time in which one tile is predicted, without mirroring.
        n_steps: Measured training steps.
        n_epochs: Epochs of the training.
        steps_per_epoch: Training steps of an epoch.
        validation_steps_per_epoch: Validation steps of an epoch.
        n_mirrored: How often a tile is predicted: once for each mirrored copy.
        n_validation: Validation cases of the fold.
    """

    train_step_s: float
    validation_step_s: float
    forward_s: float
    n_steps: int
    n_epochs: int
    steps_per_epoch: int
    validation_steps_per_epoch: int
    n_mirrored: int
    n_validation: int


def measure_pace(trainer: Any, n_steps: int) -> Pace:
    """Train a few steps.

    Args:
        trainer: nnU-Net's, not yet initialised. Do not use it afterwards.
        n_steps: Training steps to measure, behind two more.
    """
    trainer.disable_checkpointing = True
    trainer.on_train_start()
    try:
        trainer.on_train_epoch_start()
        step = _steps(trainer, trainer.train_step, trainer.dataloader_train)
        train_step_s = _median_s(step, n_steps)
        trainer.on_validation_epoch_start()
        validation_step_s = _median_s(_steps(trainer, trainer.validation_step, trainer.dataloader_val), 2)
        return Pace(
            train_step_s=train_step_s,
            validation_step_s=validation_step_s,
            forward_s=_median_s(_forward(trainer), 2),
            n_steps=n_steps,
            n_epochs=trainer.num_epochs,
            steps_per_epoch=trainer.num_iterations_per_epoch,
            validation_steps_per_epoch=trainer.num_val_iterations_per_epoch,
            n_mirrored=2 ** len(trainer.inference_allowed_mirroring_axes or ()),
            n_validation=len(trainer.do_split()[1]),
        )
    finally:
        for loader in (trainer.dataloader_train, trainer.dataloader_val):
            if hasattr(loader, "_finish"):  # loaders with worker processes
                loader._finish()


def _steps(trainer: Any, work: Callable[[Any], Any], loader: Any) -> Callable[[], None]:
    import torch

    def step() -> None:
        work(next(loader))
        if trainer.device.type == "cuda":
            torch.cuda.synchronize(trainer.device)

    return step


def _forward(trainer: Any) -> Callable[[], None]:
    import torch

    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    image = next(trainer.dataloader_val)["data"][:1].to(trainer.device)

    def forward() -> None:
        with torch.inference_mode(), torch.autocast(trainer.device.type, enabled=trainer.device.type == "cuda"):
            float(trainer.network(image).float().sum())  # waits for a GPU

    return forward


def _median_s(work: Callable[[], None], n_times: int) -> float:
    for _ in range(N_WARM_UP):
        work()
    times = []
    for _ in range(n_times):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure the training that the arguments name, and write a JSON file."""
    dataset, configuration, trainer_name, plans, fold, device, n_steps, out = sys.argv[1:]
    import torch

    from nnunet_cscn.nnunet.discovery import ensure_registered
    from nnunet_cscn.nnunet.training_run import trainer_for

    ensure_registered()
    if device == "cuda":
        torch.backends.cudnn.benchmark = True  # as nnU-Net's command does
    with tempfile.TemporaryDirectory() as place:
        os.environ["nnUNet_results"] = place  # noqa: SIM112  nnU-Net spells it so; nothing goes to the real results
        trainer = trainer_for(dataset, configuration, int(fold), trainer_name, plans, device=torch.device(device))
        pace = measure_pace(trainer, int(n_steps))
    write_json(Path(out), asdict(pace))


if __name__ == "__main__":
    main()
