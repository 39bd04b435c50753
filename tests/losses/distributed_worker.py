"""One process of a distributed training on the CPU. A separate module, because spawned processes import it."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nnunet_cscn.losses.functional import distance_weighted_focal_loss

IGNORED = 2


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return five samples with very different weights, so that a mean of means differs from the joint mean."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(5, 1, 2, 3, 4, generator=generator)
    labels = torch.randint(0, 3, image.shape, generator=generator)
    labels[3:] = labels[3:].clamp(min=1)
    distance = torch.where(labels == 1, torch.tensor([1.0, 1.0, 2.0, 30.0, 40.0]).reshape(5, 1, 1, 1, 1), 0.0)
    return image, labels, distance


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Conv3d(1, 2, 1)


def gradient_of(model: nn.Module, samples: slice, *, weighted_mean: bool) -> list[torch.Tensor]:
    image, labels, distance = (part[samples] for part in batch())
    loss = distance_weighted_focal_loss(
        model(image), labels, distance, ignore_label=IGNORED, weighted_mean=weighted_mean
    )
    model.zero_grad()
    loss.backward()
    return [p.grad.clone() for p in model.parameters()]


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    model = DistributedDataParallel(network())
    mine = slice(0, 3) if rank == 0 else slice(3, 5)
    gradients = [gradient_of(model, mine, weighted_mean=weighted) for weighted in (True, False)]
    if rank == 0:
        torch.save(gradients, f"{folder}/gradients.pt")
    dist.barrier()  # a process that ends first would close the connection
    dist.destroy_process_group()
