"""The random numbers and threads of a training."""

from __future__ import annotations

import os
import random

import numpy as np
import torch

from nnunet_cscn.settings.block import LARGEST_SEED


def seed_everything(seed: int) -> None:
    """Set the seed of Python, NumPy and torch. Numbers above the largest seed start again at 0."""
    seed %= LARGEST_SEED + 1
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def limit_threads() -> None:
    """Use as many threads as ``OMP_NUM_THREADS`` says.

    nnU-Net uses all cores despite this variable. Two trainings on one CPU would then slow each other down.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) > 0:
        torch.set_num_threads(int(threads))
