"""One process of a distributed training with two processes. A separate module, because spawned processes import it."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .test_coarse_to_fine import TestCoarseToFineCSCN
from .test_cscn import TestCSCN
from .test_staged import TestStagedCSCN
from .tiny_plans import anisotropic

CONTRACTS = {"cscn": TestCSCN, "staged": TestStagedCSCN, "coarse_to_fine": TestCoarseToFineCSCN}
N_RANKS = 2


def build(name: str) -> nn.Module:
    # a block as large as the window always has the same position, and instance normalisation separates samples; so
    # the processes can be compared with the joint batch
    fine = {"block_size": anisotropic()["patch_size"], "norm": "plan"}
    return CONTRACTS[name]().build(anisotropic(cscn={"fine": fine})).train()


def batch(name: str) -> Tensor:
    """Return one sample per process, followed by stored probabilities if the network accepts them."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn((N_RANKS, 1, *anisotropic()["patch_size"]), generator=generator)
    return image if name == "coarse_to_fine" else torch.cat([image, torch.rand(image.shape, generator=generator)], 1)


def train(name: str, model: nn.Module, samples: Tensor) -> None:
    """Train two steps: if parameters get no gradient, DDP fails in the second step."""
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(learning, lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        outputs = CONTRACTS[name]().logits_of(model(samples))
        sum(logits.square().mean() for scales in outputs for logits in scales).backward()
        optimiser.step()


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=N_RANKS)
    for name in CONTRACTS:
        model = DistributedDataParallel(build(name))
        train(name, model, batch(name)[rank : rank + 1])
        torch.save(dict(model.module.named_parameters()), f"{folder}/{name}_{rank}.pt")
    dist.barrier()  # a process that ends first would close the connection
    dist.destroy_process_group()
