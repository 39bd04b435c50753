"""Train on two ranks: python -m on_gpu.ranks TRAINER DEVICE STEPS tiny|planned SECONDS."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing
from torch.nn.parallel import DistributedDataParallel

from on_gpu.plans import Size, batch_for, make_folders, make_trainer

RANKS = 2
N_STEPS = 3


def main() -> None:
    name, device, size = sys.argv[1], sys.argv[2], sys.argv[4]
    if device == "cuda" and torch.cuda.device_count() < RANKS:
        print(json.dumps({"skipped": f"{torch.cuda.device_count()} GPU"}))
        return
    with tempfile.TemporaryDirectory() as place:
        os.environ.setdefault("MASTER_ADDR", "localhost")
        multiprocessing.spawn(_rank, args=(name, device, "tiny" if size == "tiny" else "small", place), nprocs=RANKS)
        results = [json.loads(Path(place, f"rank_{rank}.json").read_text(encoding="utf-8")) for rank in range(RANKS)]
    is_equal = all(math.isclose(*pair, rel_tol=1e-4) for pair in zip(*(r["weights"] for r in results), strict=True))
    are_finite = all(math.isfinite(value) for result in results for value in result["losses"])
    losses = [result["losses"] for result in results]
    print(json.dumps({"losses": losses, "finite": are_finite, "equal": is_equal}))


def _rank(rank: int, name: str, device: str, size: Size, place: str) -> None:
    make_folders(Path(place) / f"nnunet_{rank}")
    os.environ["nnUNet_compile"] = "False"  # noqa: SIM112  nnU-Net spells it so
    here = torch.device(device, rank) if device == "cuda" else torch.device(device)
    trainer = make_trainer(name, size, device)  # before the group: nnU-Net's own DDP works with GPUs alone
    if device == "cuda":
        torch.cuda.set_device(rank)
    rendezvous = f"file://{place}/rendezvous"
    dist.init_process_group("nccl" if device == "cuda" else "gloo", rendezvous, rank=rank, world_size=RANKS)
    network = DistributedDataParallel(trainer.network.to(here), device_ids=[rank] if device == "cuda" else None)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-2)
    batch = batch_for(trainer, seed=rank)
    image, target = batch["data"].to(here), [each.to(here) for each in batch["target"]]
    losses = []
    for _ in range(N_STEPS):
        optimizer.zero_grad(set_to_none=True)
        loss = trainer.loss(network(image), target)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    weights: list[Any] = [float(value.detach().double().sum()) for value in network.parameters()]
    Path(place, f"rank_{rank}.json").write_text(json.dumps({"losses": losses, "weights": weights}), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
