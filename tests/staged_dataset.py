"""The tiny data set with all folds of a stage one and their out-of-fold maps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import tiny_dataset
from nnunet_cscn.cascade.postprocessor import make_maps, write_manifest
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.training.cscn import BUNetTrainer
from tiny_training import CONFIGURATION, new_trainer, set_folders


def make(root: Path, kind: str, configuration: str = CONFIGURATION) -> Path:
    """Make nnU-Net's three folders below ``root``; return ``root``."""
    preprocessed = tiny_dataset.make(root, kind)
    with pytest.MonkeyPatch.context() as patch:
        set_folders(patch, root)
        for fold in range(5):
            new_trainer(BUNetTrainer, preprocessed, fold, configuration, seed=fold).run_training()
        stage_one = StageOne(tiny_dataset.NAME, configuration)
        make_maps(stage_one, device=torch.device("cpu"))
        write_manifest(stage_one)
    return root
