"""Trainings by nnU-Net's own command, as jobs that go on where they stopped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.nnunet_folders import (
    configuration_from_plans,
    preprocessed_dataset,
    read_json_file,
    read_plans,
    results_folder,
)
from nnunet_cscn.settings import Settings

NNUNETS_EPOCHS = 1000
NNUNETS_FOLDS = 5


@dataclass(frozen=True)
class Training:
    """One fold of one trainer.

    Attributes:
        dataset: The data set's folder name.
        configuration: The configuration's name.
        trainer: The trainer's name.
        plans: The plans' name.
        fold: The fold.
    """

    dataset: str
    configuration: str
    trainer: str
    plans: str
    fold: int

    @property
    def folder(self) -> Path:
        """Where nnU-Net puts it."""
        model = f"{self.trainer}__{self.plans}__{self.configuration}"
        return results_folder() / self.dataset / model / f"fold_{self.fold}"

    @property
    def is_finished(self) -> bool:
        """Whether it is trained and validated."""
        return all((self.folder / name).is_file() for name in ("checkpoint_final.pth", "validation/summary.json"))

    def job(self) -> Job:
        """Return what is left to do."""
        command = ["nnUNetv2_train", self.dataset, self.configuration, str(self.fold), "-tr", self.trainer]
        command += ["-p", self.plans, "-device", "{device}"]
        if any((self.folder / f"checkpoint_{name}.pth").is_file() for name in ("final", "latest", "best")):
            command.append("--c")
        return Job(
            name=f"{self.trainer} fold {self.fold}",
            command=tuple(command),
            log_file=self.folder.parent / "logs" / f"fold_{self.fold}.log",
            progress=r"\bEpoch (\d+)\s*$",
            total=self._epochs(),
        )

    def _epochs(self) -> int:
        plan = configuration_from_plans(read_plans(self.dataset, self.plans), self.configuration)
        named = re.search(r"_(\d+)epochs?$", self.trainer)
        return Settings.from_configuration(plan).epochs or (int(named.group(1)) if named else NNUNETS_EPOCHS)


def trainings(
    dataset: str, configuration: str, trainer: str, *, plans: str, folds: Sequence[int] | None = None
) -> list[Training]:
    """Return the trainings of some or all folds."""
    chosen = folds if folds is not None else range(number_of_folds(dataset))
    return [Training(dataset, configuration, trainer, plans, fold) for fold in chosen]


def number_of_folds(dataset: str) -> int:
    """Return how many folds a data set has; nnU-Net makes five where there are none yet."""
    file = preprocessed_dataset(dataset) / "splits_final.json"
    if not file.is_file():
        return NNUNETS_FOLDS
    splits: list[Any] = read_json_file(file)
    return len(splits)
