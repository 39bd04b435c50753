import json
import multiprocessing
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import tiny_dataset
from nnunet_cscn.planning.options import merge_options
from nnunet_cscn.training.base import CSCNBaseTrainer


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def preprocessed(tmp_path_factory) -> Callable[[str], Path]:
    """Return a function that makes a preprocessed data set of one type once, and returns its folder."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = tiny_dataset.make(tmp_path_factory.mktemp(kind.replace(" ", "_")), kind)
        return made[kind]

    return get


@pytest.fixture
def make_trainer(preprocessed, tmp_path, monkeypatch) -> Callable[..., CSCNBaseTrainer]:
    """Return a function that makes a trainer of fold 0 as nnUNetv2_train does, with a new results folder."""

    def make(
        trainer: type[CSCNBaseTrainer],
        *,
        kind: str = "labels",
        configuration: str = "3d_tiny",
        cscn: dict[str, Any] | None = None,
        plan: dict[str, Any] | None = None,
        run: str = "results",
        device: str = "cpu",
    ) -> CSCNBaseTrainer:
        folder = preprocessed(kind)
        monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
        monkeypatch.setenv("nnUNet_results", str(tmp_path / run))
        monkeypatch.setenv("nnUNet_n_proc_DA", "0")
        plans = json.loads((folder / "nnUNetPlans.json").read_text())
        entry = plans["configurations"][configuration]
        plans["configurations"][configuration] = merge_options(entry, {"cscn": cscn or {}, **(plan or {})})
        return trainer(
            plans={**plans, "continue_training": False},
            configuration=configuration,
            fold=0,
            dataset_json=json.loads((folder / "dataset.json").read_text()),
            device=torch.device(device),
        )

    return make


@pytest.fixture
def threads_for_processes(monkeypatch) -> None:
    """Replace nnU-Net's process pools by threads, because spawned processes would first import everything."""
    monkeypatch.setattr(multiprocessing, "get_context", lambda _method=None: SimpleNamespace(Pool=ThreadPool))
