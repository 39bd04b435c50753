"""The configuration of the paper's experiment, in plans of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.planning.configurations import Changes, derive_configuration

PLANS = "nnUNetCSCNPaperPlans"
CONFIGURATION = "3d_cscn_paper"

BLOCK_SIZE = (8, 24, 24)  # 24 x 24 x 8 (section 4.2) in nnU-Net's order
ITERATIONS = 50_000
DECAY_ITERATIONS = 500
ITERATIONS_PER_EPOCH = 250  # nnU-Net's
LARGEST_TILE = 128**3  # voxels, those of the patch that nnU-Net plans for a GPU of 8 GB, which it also trains on


@dataclass(frozen=True)
class PaperOptions:
    """What the paper leaves open, and what a small machine may need otherwise.

    Attributes:
        spacing_mm: Size of a voxel; 1 mm along all axes in the paper (section 4.1).
        features: Channels at full resolution, doubled from stage to stage. The paper names none; 32 is nnU-Net's.
        batch_size: Blocks in a batch. The paper names none; 32 blocks have the voxels of a patch of 53 x 53 x 53.
        head_height_mm: Height of the part around the tumour that blocks are drawn from; None for the whole volume.
        large_tiles: Predict tiles as large as most images instead of blocks. Batch normalisation allows it, but a
            network whose view reaches beyond its block has learnt with the block's border always near, and marks
            more, up to several times as much, where there is none (docs/PAPER.md).
    """

    spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)
    features: int = 32
    batch_size: int = 32
    head_height_mm: float | None = 103.0
    large_tiles: bool = False


def paper_plans(stock: Mapping[str, Any], name: str, options: PaperOptions) -> dict[str, Any]:
    """Return plans that hold the paper's configuration and no other one.

    With nnU-Net's own configurations beside it, preprocessing with these plans could rewrite their data.

    Args:
        stock: nnU-Net's own plans of the data set.
        name: The configuration's name.
        options: What is chosen.

    Raises:
        UserError: When the data set has no volumes, or the options do not fit.
    """
    if "3d_fullres" not in stock["configurations"]:
        raise UserError("the plans have no configuration 3d_fullres: the paper's experiment needs 3D images")
    plans = {**stock, "plans_name": PLANS}
    return {**plans, "configurations": {name: _configuration(plans, name, options)}}


def budget_name(name: str, budget: float) -> str:
    """Return the name of a configuration that spends a part of the iterations.

    Example:
        >>> budget_name("3d_cscn_paper", 0.05), budget_name("3d_cscn_paper", 1)
        ('3d_cscn_paper_0p05', '3d_cscn_paper')
    """
    return name if budget == 1 else f"{name}_{budget:g}".replace(".", "p").replace("-", "m")


def budget_configuration(plans: Mapping[str, Any], name: str, budget: float) -> dict[str, Any]:
    """Return the entry of a configuration with fewer iterations, between which the learning rate falls as often.

    Args:
        plans: Those with the paper's configuration.
        name: The configuration that it inherits from, preprocessed data included.
        budget: Share of the 50,000 iterations.

    Raises:
        UserError: When the share leaves no iteration between two steps of the learning rate, or is above 1.

    Example:
        >>> entry = budget_configuration({"configurations": {"p": {}}}, "p", 0.05)
        >>> entry["inherits_from"], entry["cscn"]
        ('p', {'epochs': 10, 'iterations_per_epoch': 250, 'protocol': {'decay_iterations': 25}})
    """
    steps = budget * DECAY_ITERATIONS
    if not (1 <= steps <= DECAY_ITERATIONS and math.isclose(steps, round(steps), rel_tol=1e-9)):
        raise ArgumentError(
            "budget",
            f"expected a fraction of the iterations from {1 / DECAY_ITERATIONS:g} to 1, in steps of "
            f"{1 / DECAY_ITERATIONS:g}, to keep the number of learning rate steps; got {budget:g}",
        )
    changes = Changes(options={**_lengths(budget), "protocol": {"decay_iterations": round(steps)}})
    return derive_configuration(plans, name, budget_name(name, budget), changes)


def tile_size(median_size: Sequence[float], strides: Sequence[int], block_size: Sequence[int]) -> list[int]:
    """Return the voxels per axis of large tiles: most images in one tile, as far as memory allows.

    Args:
        median_size: Voxels per axis of the median image.
        strides: What the tile's edges have to be divisible by.
        block_size: Edges below which a tile never is.

    Example:
        >>> tile_size((103, 198, 160), (2, 4, 4), (8, 24, 24))
        [88, 168, 136]
    """
    scale = min(1.0, (LARGEST_TILE / math.prod(median_size)) ** (1 / len(median_size)))
    rounded = [
        (math.ceil if scale == 1 else math.floor)(edge * scale / step) * step
        for edge, step in zip(median_size, strides, strict=True)
    ]
    return [max(edge, block) for edge, block in zip(rounded, block_size, strict=True)]


def large_tile(configuration: Mapping[str, Any], block_size: Sequence[int]) -> list[int]:
    """Return the voxels per axis of the large tiles of a configuration, which its network can take.

    Args:
        configuration: With everything that it inherits.
        block_size: What its network was planned for.
    """
    strides = configuration["architecture"]["arch_kwargs"]["strides"]
    together = [math.prod(stage[axis] for stage in strides) for axis in range(3)]
    return tile_size(configuration["median_image_size_in_voxels"], together, block_size)


def _configuration(plans: Mapping[str, Any], name: str, options: PaperOptions) -> dict[str, Any]:
    changes = Changes(
        options=_options(options),
        patch_size=BLOCK_SIZE,
        batch_size=options.batch_size,
        spacing_mm=options.spacing_mm,
        features=options.features,
        max_features=10 * options.features,  # as nnU-Net has it: 32 and 320
    )
    entry = derive_configuration(plans, "3d_fullres", name, changes)
    whole = {**configuration_from_plans(dict(plans), "3d_fullres"), **entry}
    del whole["inherits_from"]
    kwargs = whole["architecture"]["arch_kwargs"]
    kwargs.update(
        norm_op="torch.nn.modules.batchnorm.BatchNorm3d",
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin="torch.nn.ReLU",
        nonlin_kwargs={"inplace": True},
    )
    whole["cscn"]["block_size"] = whole["patch_size"]
    if options.large_tiles:
        whole["cscn"]["tile_size"] = large_tile(whole, whole["patch_size"])
    return whole


def _options(options: PaperOptions) -> dict[str, Any]:
    return {
        "loss": {"dice_weight": 0.0, "weighted_mean": False, "normalised": False},
        "three_views": True,
        "initial_learning_rate": 1e-3,
        "validation_iterations_per_epoch": 10,
        **_lengths(1),
        "protocol": {"decay_iterations": DECAY_ITERATIONS, "head_height_mm": options.head_height_mm},
    }


def _lengths(budget: float) -> dict[str, int]:
    """Epochs of nnU-Net's length, or the longest below it that come out even."""
    iterations = round(ITERATIONS * budget)
    length = next(length for length in range(ITERATIONS_PER_EPOCH, 0, -1) if iterations % length == 0)
    return {"epochs": iterations // length, "iterations_per_epoch": length}
