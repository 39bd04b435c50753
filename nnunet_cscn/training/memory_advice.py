"""What to do when a training does not fit into the memory of the GPU."""

from __future__ import annotations

from collections.abc import Sequence


def memory_advice(
    *,
    gpu: str,
    gibibytes: float,
    trainer: str,
    dataset: str,
    plans: str,
    configuration: str,
    patch_size: Sequence[int],
    batch_size: int,
    is_residual: bool,
) -> str:
    """Return a sentence with the command that makes plans that fit.

    If plans of this package do not fit, other programs use the GPU too, and the sentence suggests plans for half of its
    memory.

    Args:
        gpu: Name of the GPU.
        gibibytes: Its memory.
        trainer: Name of the trainer.
        dataset: Name of the data set.
        plans: Name of the plans.
        configuration: The configuration.
        patch_size: Its patch size.
        batch_size: Its batch size.
        is_residual: Whether its network is a residual encoder U-Net.
    """
    share, name = (0.5, f"{plans}Small") if plans.startswith("nnUNetCSCN") else (0.8, "nnUNetCSCNPlans")
    residual = "--residual " if is_residual else ""
    return (
        f"{gpu} has {gibibytes:.0f} GiB, not enough for {trainer} with configuration {configuration} (patch "
        f"{list(patch_size)}, batch {batch_size}): make plans that fit with `cscn plan -d {dataset} --gpu-memory "
        f"{max(1, int(gibibytes * share))} {residual}-p {name}` and train with `-p {name}` (add your own "
        "configurations to these plans again)"
    )
