"""The cascades in a distributed training with two processes (DDP)."""

import torch
import torch.multiprocessing

from .distributed_worker import CONTRACTS, N_RANKS, batch, build, train, work


def test_two_ranks_learn_what_the_joint_batch_would_teach(tmp_path):
    torch.multiprocessing.spawn(work, args=(str(tmp_path),), nprocs=N_RANKS)
    for name in CONTRACTS:
        alone = build(name)
        train(name, alone, batch(name))  # instance normalisation: samples are independent
        joint = dict(alone.named_parameters())
        for rank in range(N_RANKS):
            ours = torch.load(tmp_path / f"{name}_{rank}.pt", weights_only=False)
            torch.testing.assert_close(ours, joint, atol=1e-5, rtol=1e-4)
