"""Trainings with nnU-Net's own command, as jobs. A job resumes a training that was interrupted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.execution.log_lock import is_locked
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.checkpoint_files import is_complete, is_whole, trusts_all
from nnunet_cscn.nnunet.crossval import nnunets_folds
from nnunet_cscn.nnunet.folders import model_path, preprocessed_dataset
from nnunet_cscn.nnunet.plans import configuration_from_plans, preprocessed_data, read_plans
from nnunet_cscn.nnunet.summaries import is_whole_summary
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE
from nnunet_cscn.splits.reading import read_folds

NNUNET_DEFAULT_EPOCHS = 1000
NEW_TOTAL = r"will end after about (\d+) epochs"  # what our trainers write when a stop option changes the number
ALL = "all"  # nnU-Net's name for the training on all cases

Fold = int | str  # a number, or ``ALL``

_CHECKPOINTS = tuple(f"checkpoint_{name}.pth" for name in ("final", "latest", "best"))  # as nnU-Net looks for them


@dataclass(frozen=True)
class Training:
    """The training of one fold.

    Attributes:
        dataset: Folder name of the data set.
        configuration: Name of the configuration.
        trainer: Name of the trainer.
        plans: Name of the plans.
        fold: Number of the fold, or ``all`` for a training on all cases.
        pretrained_weights: Weights of a new training; None for random ones.
    """

    dataset: str
    configuration: str
    trainer: str
    plans: str
    fold: Fold
    pretrained_weights: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder in which nnU-Net stores the training."""
        model = model_path(self.dataset, trainer=self.trainer, plans=self.plans, configuration=self.configuration)
        return model / f"fold_{self.fold}"

    @property
    def is_finished(self) -> bool:
        """Whether it is trained and validated, and what says so is whole. Reads the whole checkpoint."""
        return self.looks_finished and is_whole(self.folder / _CHECKPOINTS[0])

    @property
    def looks_finished(self) -> bool:
        """Whether it is trained and validated, without a look at the weights."""
        return is_whole_summary(self._summary) and is_complete(self.folder / _CHECKPOINTS[0])

    @property
    def _summary(self) -> Path:
        return self.folder / "validation" / "summary.json"

    def remove_damaged_files(self) -> list[Path]:
        """Remove incomplete and damaged checkpoints and summaries, and check the file that nnU-Net will load.

        nnU-Net loads the first checkpoint that exists, complete or not, and runs any code in it.

        Returns:
            The removed files.

        Raises:
            ForeignCode: When the checkpoint or the pretrained weights would run code that is not part of nnU-Net.
            UserError: When that file is damaged.
        """
        if is_locked(self.job().log_file):  # a file that looks incomplete may just be written
            return []
        existing = [self.folder / name for name in _CHECKPOINTS if (self.folder / name).is_file()]
        damaged = [file for file in existing if not is_whole(file)]
        whole = [file for file in existing if file not in damaged]
        if self._summary.is_file() and not is_whole_summary(self._summary):
            damaged.append(self._summary)
        for file in damaged:
            file.unlink(missing_ok=True)  # another command may do the same
        loaded = whole[0] if whole else self.pretrained_weights
        if loaded is not None and not trusts_all():
            from nnunet_cscn.nnunet.checkpoints import check_clean

            check_clean(loaded)
        return damaged

    def job(self) -> Job:
        """Return the job that starts or resumes the training."""
        command = ["nnUNetv2_train", self.dataset, self.configuration, str(self.fold), "-tr", self.trainer]
        command += ["-p", self.plans, "-device", "{device}"]
        if any((self.folder / name).is_file() for name in _CHECKPOINTS):
            command.append("--c")
        elif self.pretrained_weights is not None:
            command += ["-pretrained_weights", str(self.pretrained_weights)]
        return Job(
            name=f"{self.trainer} fold {self.fold}",
            command=tuple(command),
            log_file=self.folder.parent / "logs" / f"fold_{self.fold}.log",
            progress=r"\bEpoch (\d+)\s*$",
            total=self._epochs(),
            new_total=NEW_TOTAL,
        )

    def _epochs(self) -> int | None:
        """Return the number of epochs; None with a time budget, which decides it during the training."""
        plan = configuration_from_plans(read_plans(self.dataset, self.plans), self.configuration)
        settings = Settings() if is_stock(self.trainer) else Settings.from_configuration(plan)
        if settings.stop.minutes is not None:
            return None
        named = re.search(r"_(\d+)epochs?$", self.trainer)
        return settings.epochs or (int(named.group(1)) if named else NNUNET_DEFAULT_EPOCHS)


def removal_note(file: Path) -> str:
    """Return the sentence on a file that ``remove_damaged_files`` removed."""
    return f"{file} was incomplete or damaged and has been removed"


def is_stock(trainer: str) -> bool:
    """Return whether a trainer is one of nnU-Net's own, which do not read our options."""
    return trainer.startswith("nnUNetTrainer")


def trainings(
    dataset: str,
    configuration: str,
    trainer: str,
    *,
    plans: str,
    folds: Sequence[Fold] | None = None,
    pretrained_weights: Path | None = None,
) -> list[Training]:
    """Return the trainings of some or all folds.

    Raises:
        UserError: If the plans, the configuration or a fold are unknown.
    """
    numbers = None if folds is None else [fold for fold in folds if isinstance(fold, int)]
    if numbers == []:  # a training on all cases needs no folds
        preprocessed_data(dataset, plans, configuration)
    else:
        n_folds = len(ensure_folds(dataset, plans, configuration))
        if unknown := [fold for fold in numbers or () if fold >= n_folds]:
            raise ArgumentError(
                "folds", f"{dataset} has no fold {unknown[0]}: expected 0 to {n_folds - 1}, or {ALL} for all cases"
            )
        folds = list(range(n_folds)) if folds is None else folds
    return [Training(dataset, configuration, trainer, plans, fold, pretrained_weights) for fold in folds or ()]


def ensure_folds(dataset: str, plans: str, configuration: str) -> list[dict[str, list[str]]]:
    """Return the folds of a data set. If there are none yet, write those that nnU-Net would make.

    Otherwise trainings that start at the same time would each write the file.

    Raises:
        UserError: If the data are not preprocessed, there are too few cases, or as for ``read_folds``.
    """
    data = preprocessed_data(dataset, plans, configuration)
    file = preprocessed_dataset(dataset) / SPLITS_FILE
    from nnunet_cscn.nnunet.datasets import infer_dataset_class

    cases = infer_dataset_class(str(data)).get_identifiers(str(data))
    if file.is_file():
        return read_folds(file, known=cases)
    splits = nnunets_folds(dataset, cases)
    write_json(file, splits)
    return splits
