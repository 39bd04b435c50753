"""Checkpoints in nnU-Net's layout of networks that were never trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from networks.tiny_plans import configuration as tiny_configuration
from networks.tiny_plans import isotropic

CONFIGURATION = "3d_tiny"
COARSE = "3d_coarse"  # its U-Net is the coarse network of the cascade on the other one's window
FULL = "3d_full"  # both networks at full resolution
LABELS = {"labels": {"background": 0, "GTVp": 1, "GTVn": 2}}
REGIONS = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}


def manager() -> PlansManager:
    coarse = tiny_configuration((8, 8, 8), [(1, 1, 1), (2, 2, 2)], [(3, 3, 3)] * 2, (4, 8))
    full = isotropic(cscn={"coarse": {"resolution": "full"}})
    plans = {CONFIGURATION: isotropic(), COARSE: coarse, FULL: full}
    configurations = {name: {**plan, "spacing": [1.0, 1.0, 1.0]} for name, plan in plans.items()}
    names = {"dataset_name": "Dataset901_Tiny", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO"}
    return PlansManager({**names, "configurations": configurations, "label_manager": "LabelManager"})


def network(
    trainer: type[nnUNetTrainer],
    *,
    dataset: dict[str, Any] = LABELS,
    name: str = CONFIGURATION,
    channels: tuple[str, ...] = ("MRI",),
) -> Any:
    """Build a trainer's network as nnU-Net does, for training."""
    plans = manager()
    configuration = plans.get_configuration(name)
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    return trainer.build_network_architecture(plans, configuration, len(channels), heads, True)


def description(dataset: dict[str, Any] = LABELS, channels: tuple[str, ...] = ("MRI",)) -> dict[str, Any]:
    """Return a dataset.json."""
    names = {str(number): name for number, name in enumerate(channels)}
    return {"channel_names": names, "numTraining": 6, "file_ending": ".nii.gz", **dataset}


def write(
    file: Path,
    trainer: type[nnUNetTrainer],
    *,
    dataset: dict[str, Any] = LABELS,
    name: str = CONFIGURATION,
    channels: tuple[str, ...] = ("MRI",),
) -> dict[str, torch.Tensor]:
    """Write a checkpoint as ``nnUNetTrainer.save_checkpoint`` does; return its tensors."""
    torch.manual_seed(1)
    weights = network(trainer, dataset=dataset, name=name, channels=channels).state_dict()
    dataset_json = description(dataset, channels)
    checkpoint = {
        "network_weights": weights,
        "optimizer_state": {},
        "grad_scaler_state": None,
        "logging": {},
        "_best_ema": None,
        "current_epoch": 1,
        "init_args": {
            "plans": manager().plans,
            "configuration": name,
            "fold": 0,
            "dataset_json": dataset_json,
            "device": torch.device("cpu"),
        },
        "trainer_name": trainer.__name__,
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, file)
    return weights
