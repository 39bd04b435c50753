"""Trainings with nnU-Net's own command, as jobs. A job resumes a training that was interrupted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nnunet.folders import model_path, preprocessed_dataset
from nnunet_cscn.nnunet.plans import configuration_from_plans, preprocessed_data, read_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE

NNUNET_DEFAULT_EPOCHS = 1000
NNUNET_SPLIT_SEED = 12345


@dataclass(frozen=True)
class Training:
    """The training of one fold.

    Attributes:
        dataset: Folder name of the data set.
        configuration: Name of the configuration.
        trainer: Name of the trainer.
        plans: Name of the plans.
        fold: Number of the fold.
    """

    dataset: str
    configuration: str
    trainer: str
    plans: str
    fold: int

    @property
    def folder(self) -> Path:
        """The folder in which nnU-Net stores the training."""
        model = model_path(self.dataset, trainer=self.trainer, plans=self.plans, configuration=self.configuration)
        return model / f"fold_{self.fold}"

    @property
    def is_finished(self) -> bool:
        """Whether it is trained and validated."""
        return all((self.folder / name).is_file() for name in ("checkpoint_final.pth", "validation/summary.json"))

    def job(self) -> Job:
        """Return the job that starts or resumes the training."""
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
        return Settings.from_configuration(plan).epochs or (int(named.group(1)) if named else NNUNET_DEFAULT_EPOCHS)


def trainings(
    dataset: str, configuration: str, trainer: str, *, plans: str, folds: Sequence[int] | None = None
) -> list[Training]:
    """Return the trainings of some or all folds.

    Raises:
        UserError: If the plans, the configuration or a fold are unknown.
    """
    present = ensure_folds(dataset, plans, configuration)
    chosen = list(folds) if folds is not None else list(range(len(present)))
    if unknown := [fold for fold in chosen if fold >= len(present)]:
        raise ArgumentError("folds", f"{dataset} has no fold {unknown[0]}: expected 0 to {len(present) - 1}")
    return [Training(dataset, configuration, trainer, plans, fold) for fold in chosen]


def ensure_folds(dataset: str, plans: str, configuration: str) -> list[dict[str, list[str]]]:
    """Return the folds of a data set. If there are none yet, write those that nnU-Net would make.

    Otherwise trainings that start at the same time would each write the file.
    """
    data = preprocessed_data(dataset, plans, configuration)
    file = preprocessed_dataset(dataset) / SPLITS_FILE
    if file.is_file():
        splits: list[dict[str, list[str]]] = read_json_file(file)
        return splits
    from nnunet_cscn.nnunet.datasets import generate_crossval_split, infer_dataset_class

    cases = sorted(infer_dataset_class(str(data)).get_identifiers(str(data)))
    splits = generate_crossval_split(cases, seed=NNUNET_SPLIT_SEED, n_splits=5)
    write_json(file, splits)
    return splits
