"""Train and validate one fold with any trainer from a fixed seed. Write the result as JSON.

nnU-Net's trainers and ours use the budget and the seed in the ``cscn`` block of the configuration. So only the trainer
differs in a comparison. The seed is set before the network is built and again before the loaders start. The loaders run
in this process (``nnUNet_n_proc_DA=0``), so all trainers see the same batches.

Example: python benchmarks/train.py 904 3d_small 0 nnUNetTrainer --json runs/hippocampus_stock.json
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_cscn.evaluation.folder import score_folders
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import read_plans
from nnunet_cscn.settings.block import Settings


def main(trainer_class: Any = None) -> None:
    """Run the training of the command line. ``trainer_class`` is for a class that nnU-Net does not find by its name."""
    arguments = _parse()
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    trainer = prepare(
        arguments.dataset,
        arguments.configuration,
        arguments.fold,
        trainer_class or trainer_named(arguments.trainer),
        device=arguments.device,
    )
    start, cpu_start = time.perf_counter(), time.process_time()
    trainer.run_training()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    trainer.perform_actual_validation()
    write_json(arguments.json, _report(trainer, seconds, cpu_seconds))


def trainer_named(name: str) -> Any:
    """Return the trainer class that nnU-Net finds by its name."""
    ensure_registered()
    return recursive_find_trainer_class_by_name(name)


def prepare(
    dataset: str,
    configuration: str,
    fold: int,
    trainer_class: Any,
    *,
    device: str = "cpu",
    plans: dict[str, Any] | None = None,
) -> Any:
    """Return a trainer with the budget of the configuration, and with weights and loaders from its seed.

    ``plans`` replaces the stored plans.
    """
    preprocessed = preprocessed_dataset(dataset)
    trainer = trainer_class(
        plans={**(plans or read_plans(dataset)), "continue_training": False},
        configuration=configuration,
        fold=fold,
        dataset_json=read_dataset_json(preprocessed),
        device=torch.device(device),
    )
    settings = _settings(trainer)
    _set_budget(trainer, settings)
    _seed(settings)
    trainer.initialize()
    get_dataloaders = trainer.get_dataloaders

    def seeded_loaders() -> Any:
        _seed(settings)
        return get_dataloaders()

    trainer.get_dataloaders = seeded_loaders
    return trainer


def _settings(trainer: Any) -> Settings:
    return Settings.from_configuration(trainer.configuration_manager.configuration)


def _set_budget(trainer: Any, settings: Settings) -> None:
    trainer.num_epochs = settings.epochs or trainer.num_epochs
    trainer.num_iterations_per_epoch = settings.iterations_per_epoch or trainer.num_iterations_per_epoch
    trainer.num_val_iterations_per_epoch = settings.validation_iterations_per_epoch or 1
    trainer.initial_lr = settings.initial_learning_rate or trainer.initial_lr


def _seed(settings: Settings) -> None:
    seed = settings.seed or 0
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _report(trainer: Any, seconds: float, cpu_seconds: float) -> dict[str, Any]:
    base = Path(trainer.preprocessed_dataset_folder_base)
    validation = Path(trainer.output_folder) / "validation"
    _, cases = trainer.do_split()
    references = Path(trainer.output_folder) / "validation_references"
    references.mkdir(exist_ok=True)
    ending = trainer.dataset_json["file_ending"]
    for case in cases:
        link = references / f"{case}{ending}"
        if not link.exists():
            link.symlink_to(base / "gt_segmentations" / link.name)
    scores = score_folders(validation, references, labels=read_labels(base / "dataset.json"))
    losses = trainer.logger.get_checkpoint()["train_losses"]
    return {
        "dataset": trainer.plans_manager.dataset_name,
        "configuration": trainer.configuration_name,
        "trainer": type(trainer).__name__,
        "fold": trainer.fold,
        "seed": _settings(trainer).seed or 0,
        "iterations": trainer.num_epochs * trainer.num_iterations_per_epoch,
        "patch_size": list(trainer.configuration_manager.patch_size),
        "batch_size": trainer.batch_size,
        "parameters": sum(p.numel() for p in trainer.network.parameters()),
        "training_minutes": round(seconds / 60, 2),
        "training_cpu_minutes": round(cpu_seconds / 60, 2),
        "threads": torch.get_num_threads(),
        "machine": _machine(trainer.device),
        "train_losses": [float(loss) for loss in losses],
        **scores.to_json(),
    }


def _machine(device: torch.device) -> str:
    processor = f"{platform.machine()}, {os.cpu_count()} cores"
    if device.type == "cuda":
        processor = f"{torch.cuda.get_device_name(device)}, {processor}"
    return f"{processor}, torch {torch.__version__}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("fold", type=int)
    parser.add_argument("trainer", help="such as nnUNetTrainer or CSCNTrainer")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
