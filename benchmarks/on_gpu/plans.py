"""Plans, a data set of one empty file, and batches of noise with a ball in them: all that a trainer needs to step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.discovery import ensure_registered

Size = Literal["tiny", "small", "planned"]

DATASET = "Dataset990_Noise"
LABELS = {"background": 0, "GTVp": 1, "GTVn": 2}
DESCRIPTION = {"channel_names": {"0": "MRI"}, "labels": LABELS, "numTraining": 1, "file_ending": ".nii.gz"}
_SHAPES: dict[Size, dict[str, Any]] = {
    "tiny": {"patch": (8, 16, 16), "features": (4, 8, 12)},  # nnU-Net weighs no scale of two stages
    "small": {"patch": (16, 64, 64), "features": (16, 32, 64)},
    "planned": {"patch": (48, 192, 192), "features": (32, 64, 128, 256, 320, 320)},
}


def plans_of(size: Size, *, full_resolution: bool) -> dict[str, Any]:
    """Return plans with one configuration, as nnU-Net's planner would make them for 3 x 1 x 1 mm."""
    shape = _SHAPES[size]
    n_stages = len(shape["features"])
    strides = [[1, 1, 1], [1, 2, 2], *[[2, 2, 2]] * 3, [1, 2, 2]][:n_stages]
    configuration = {
        "data_identifier": "noise",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(shape["patch"]),
        "spacing": [3.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "batch_dice": True,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": n_stages,
                "features_per_stage": list(shape["features"]),
                "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": [[1, 3, 3], *[[3, 3, 3]] * (n_stages - 1)],
                "strides": strides,
                "n_conv_per_stage": [2] * n_stages,
                "n_conv_per_stage_decoder": [2] * (n_stages - 1),
                "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "cscn": {"seed": 0, "coarse": {"resolution": "full"}} if full_resolution else {"seed": 0},
    }
    names = {"dataset_name": DATASET, "plans_name": "nnUNetPlans", "label_manager": "LabelManager"}
    transposes = {"transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2]}
    return {
        **names,
        **transposes,
        "image_reader_writer": "SimpleITKIO",
        "configurations": {"3d_fullres": configuration},
    }


def make_folders(root: Path) -> None:
    """Set nnU-Net's variables to folders in which a trainer finds what it looks for."""
    for name in ("raw", "preprocessed", "results"):
        (root / name).mkdir(parents=True, exist_ok=True)
        os.environ[f"nnUNet_{name}"] = str(root / name)
    ensure_registered()
    data = root / "preprocessed" / DATASET / "noise"
    data.mkdir(parents=True, exist_ok=True)
    (data / "case.b2nd").touch()
    write_json(data.parent / "dataset.json", DESCRIPTION)


def make_trainer(name: str, size: Size, device: str) -> Any:
    """Return an initialised trainer; ``CSCNTrainer:full`` is the cascade of one resolution."""
    from nnunet_cscn.nnunet.trainer import trainer_named

    trainer_name, _, variant = name.partition(":")
    plans = {**plans_of(size, full_resolution=variant == "full"), "continue_training": False}
    torch.manual_seed(0)
    trainer = trainer_named(trainer_name)(plans, "3d_fullres", 0, DESCRIPTION, torch.device(device))
    trainer.disable_checkpointing = True
    trainer.initialize()
    trainer.set_deep_supervision_enabled(True)
    return trainer


def batch_for(trainer: Any, *, seed: int = 0) -> dict[str, Any]:
    """Return a batch as the trainer's loader would hand it out."""
    generator = torch.Generator().manual_seed(seed)
    patch = tuple(int(edge) for edge in trainer.configuration_manager.patch_size)
    n_samples = trainer.configuration_manager.batch_size
    labels = _ball(patch).expand(n_samples, 1, *patch).clone()
    image = torch.randn((n_samples, 1, *patch), generator=generator) + labels
    if type(trainer).__name__.startswith("CSCNStaged"):
        stored = torch.cat([(labels == value).float() for value in (1, 2)], dim=1) * 0.8 + 0.1
        image = torch.cat([image, stored * (1 / stored.sum(1, keepdim=True).clamp(min=1))], dim=1)
    scales = trainer._get_deep_supervision_scales()
    target: list[Tensor] = [_nearest(labels, scale) for scale in scales]
    if getattr(trainer, "uses_distance", False):
        target.append((labels > 0).float() * 3.0)
    return {"data": image, "target": target}


def _ball(patch: tuple[int, ...]) -> Tensor:
    """Return labels (1, 1, *patch): a ball of label 1 with a core of label 2."""
    axes = torch.meshgrid(*[torch.linspace(-1, 1, edge) for edge in patch], indexing="ij")
    radius = torch.stack(axes).square().sum(0).sqrt()
    return ((radius < 0.6).float() + (radius < 0.3).float())[None, None]


def _nearest(labels: Tensor, scale: Any) -> Tensor:
    size = [round(edge * by) for edge, by in zip(labels.shape[2:], scale, strict=True)]
    return F.interpolate(labels, size=size, mode="nearest")
