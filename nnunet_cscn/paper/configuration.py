"""The nnU-Net configuration of the paper's experiment, in separate plans."""

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
ITERATIONS_PER_EPOCH = 250  # as in nnU-Net
LARGEST_TILE = 128**3  # voxels of the patch that nnU-Net plans for training on a GPU of 8 GB


@dataclass(frozen=True)
class PaperOptions:
    """Settings that the paper does not specify, or that a small machine may need to change.

    Attributes:
        spacing_mm: Size of a voxel; 1 mm along all axes in the paper (section 4.1).
        features: Number of channels at full resolution; each stage doubles it. The paper does not specify it; nnU-Net
            uses 32.
        batch_size: Number of blocks in a batch. The paper does not specify it. 32 blocks have as many voxels as a patch
            of 53 x 53 x 53.
        head_height_mm: Height of the region around the tumour from which blocks are sampled. None for the whole volume.
        large_tiles: Whether to predict large tiles (about the size of an image) instead of blocks. Batch normalisation
            allows it. But a network whose receptive field is larger than its block was always trained near a block
            border. Without this border it predicts larger volumes, up to several times as large (docs/PAPER.md).
    """

    spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)
    features: int = 32
    batch_size: int = 32
    head_height_mm: float | None = 103.0
    large_tiles: bool = False


def paper_plans(stock: Mapping[str, Any], name: str, options: PaperOptions) -> dict[str, Any]:
    """Return plans that contain only the paper's configuration.

    If they also contained nnU-Net's own configurations, preprocessing with these plans could overwrite their data.

    Args:
        stock: nnU-Net's plans of the data set.
        name: Name of the configuration.
        options: The settings.

    Raises:
        UserError: When the data set has no three-dimensional images, or the settings are not valid.
    """
    if "3d_fullres" not in stock["configurations"]:
        raise UserError("the plans have no configuration 3d_fullres: the paper's experiment needs 3D images")
    plans = {**stock, "plans_name": PLANS}
    return {**plans, "configurations": {name: _configuration(plans, name, options)}}


def budget_name(name: str, budget: float) -> str:
    """Return the name of a configuration with a fraction of the training iterations.

    Example:
        >>> budget_name("3d_cscn_paper", 0.05), budget_name("3d_cscn_paper", 1)
        ('3d_cscn_paper_0p05', '3d_cscn_paper')
    """
    return name if budget == 1 else f"{name}_{budget:g}".replace(".", "p").replace("-", "m")


def budget_configuration(plans: Mapping[str, Any], name: str, budget: float) -> dict[str, Any]:
    """Return a configuration with fewer iterations. The learning rate is reduced the same number of times.

    Args:
        plans: The plans with the paper's configuration.
        name: The configuration from which it inherits, including the preprocessed data.
        budget: Fraction of the 50,000 iterations.

    Raises:
        UserError: When the fraction is above 1, or so small that there is no iteration between two reductions of the
            learning rate.

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
    """Return the size of large tiles in voxels: most images fit into one tile, if memory allows.

    Args:
        median_size: Size of the median image in voxels.
        strides: The edges of the tile must be divisible by these numbers.
        block_size: Smallest size of a tile.

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
    """Return the size in voxels of the large tiles that the network of a configuration can process.

    Args:
        configuration: The configuration, including inherited entries.
        block_size: The block size for which the network was planned.
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
        max_features=10 * options.features,  # the ratio in nnU-Net (32 and 320)
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
    """Return epochs of nnU-Net's length, or the longest shorter epochs that divide the number of iterations."""
    iterations = round(ITERATIONS * budget)
    length = next(length for length in range(ITERATIONS_PER_EPOCH, 0, -1) if iterations % length == 0)
    return {"epochs": iterations // length, "iterations_per_epoch": length}
