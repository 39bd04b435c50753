"""The tiny data set with two folds of CSCNTrainer and one of CSCNStagedTrainer, beside a whole stage one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tiny_dataset
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.training.staged import CSCNStagedTrainer
from tiny_training import new_trainer, set_folders


def make(root: Path, staged: Path) -> Path:
    """Copy the folders with stage one to ``root`` and train; return ``root``."""
    shutil.copytree(staged, root)
    with pytest.MonkeyPatch.context() as patch:
        set_folders(patch, root)
        preprocessed = root / "preprocessed" / tiny_dataset.NAME
        for trainer, fold in ((CSCNTrainer, 0), (CSCNTrainer, 1), (CSCNStagedTrainer, 0)):
            new_trainer(trainer, preprocessed, fold).run_training()
    return root
