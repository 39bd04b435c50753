"""A trained stage one: its folds, its checkpoints, and whether they fit the data set as it is now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet_folders import (
    configuration_from_plans,
    model_folder,
    preprocessed_dataset,
    read_json_file,
    read_plans,
    read_plans_file,
)

# What decides which maps a network makes of a case.
_DECISIVE = ("data_identifier", "patch_size", "spacing", "normalization_schemes", "architecture")


@dataclass(frozen=True)
class StageOne:
    """Every fold of one trainer, plans and configuration.

    Attributes:
        dataset: The data set's folder name.
        configuration: The configuration's name.
        trainer: The trainer's name.
        plans: The plans' name.
        checkpoint: Which checkpoint of each fold.
    """

    dataset: str
    configuration: str
    trainer: str = "BUNetTrainer"
    plans: str = "nnUNetPlans"
    checkpoint: str = "checkpoint_final.pth"

    @classmethod
    def find(cls, dataset: str | int, configuration: str, *, trainer: str, plans: str, checkpoint: str) -> StageOne:
        """Take a data set by number or name.

        Raises:
            UserError: When data set, plans or configuration are unknown.
        """
        found = cls(preprocessed_dataset(dataset).name, configuration, trainer, plans, checkpoint)
        _ = found.plan
        return found

    @cached_property
    def preprocessed(self) -> Path:
        """The preprocessed data set."""
        return preprocessed_dataset(self.dataset)

    @cached_property
    def dataset_json(self) -> dict[str, Any]:
        """The data set's description, as it is now."""
        content: dict[str, Any] = read_json_file(self.preprocessed / "dataset.json")
        return content

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The configuration, as the plans are now."""
        return configuration_from_plans(read_plans(self.dataset, self.plans), self.configuration)

    @cached_property
    def splits(self) -> list[dict[str, list[str]]]:
        """Training and validation cases of each fold.

        Raises:
            UserError: When there are no splits, a case is validated twice or never, or validates what trained on it.
        """
        file = self.preprocessed / "splits_final.json"
        if not file.is_file():
            raise UserError(f"{file} is missing: it appears when the first fold is trained; {self._train_commands()}")
        splits: list[dict[str, list[str]]] = read_json_file(file)
        validated = [case for split in splits for case in split["val"]]
        uncovered = sorted({case for split in splits for case in split["train"]} - set(validated))
        if uncovered:
            raise UserError(
                f"{file}: no fold validates {_some(uncovered)}, so no network has not seen them: out-of-fold maps need "
                "folds whose validation sets cover all training cases"
            )
        if twice := sorted({case for case in validated if validated.count(case) > 1}):
            raise UserError(f"{file}: more than one fold validates {_some(twice)}: each case needs exactly one")
        for fold, split in enumerate(splits):
            if shared := sorted(set(split["train"]) & set(split["val"])):
                raise UserError(f"{file}: fold {fold} trains on what it validates: {_some(shared)}")
        return splits

    @property
    def fold_of(self) -> dict[str, int]:
        """The fold that validates each case, and so did not train on it."""
        return {case: fold for fold, split in enumerate(self.splits) for case in split["val"]}

    @property
    def folder(self) -> Path:
        """The folder of the trained model; UserError when there is none."""
        return model_folder(self.dataset, trainer=self.trainer, plans=self.plans, configuration=self.configuration)

    def checkpoint_of(self, fold: int) -> Path:
        """Return the checkpoint of a fold."""
        return self.folder / f"fold_{fold}" / self.checkpoint

    def check_folds(self) -> None:
        """See that every fold is trained, with plans and labels as they are now.

        Raises:
            UserError: With the commands that are to be run.
        """
        self._check_plan_and_labels()
        missing = [fold for fold in range(len(self.splits)) if not self.checkpoint_of(fold).is_file()]
        if not missing:
            return
        if (self.folder / "fold_all").is_dir() and len(missing) == len(self.splits):
            reason = f"{self.folder.name} was trained on all cases (fold all), which leaves none out of fold"
        else:
            reason = f"{self.folder.name} has no {self.checkpoint} in fold {', '.join(map(str, missing))}"
        commands = "\n".join(f"  {self.train_command(fold)}" for fold in missing)
        raise UserError(f"{reason}; train:\n{commands}")

    def checkpoint_hash(self, fold: int) -> str:
        """Return the SHA-256 of a fold's checkpoint."""
        digest = hashlib.sha256()
        with self.checkpoint_of(fold).open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
        return digest.hexdigest()

    def train_command(self, fold: int) -> str:
        """Return nnU-Net's command that trains a fold."""
        plans = "" if self.plans == "nnUNetPlans" else f" -p {self.plans}"
        return f"nnUNetv2_train {self.dataset} {self.configuration} {fold} -tr {self.trainer}{plans}"

    def cascade_command(self) -> str:
        """Return our command that makes the maps."""
        options = "" if self.trainer == "BUNetTrainer" else f" -tr {self.trainer}"
        options += "" if self.plans == "nnUNetPlans" else f" -p {self.plans}"
        options += "" if self.checkpoint == "checkpoint_final.pth" else f" -chk {self.checkpoint}"
        return f"cscn cascade {self.dataset} {self.configuration}{options}"

    def _check_plan_and_labels(self) -> None:
        folder, again = self.folder, f"train it again ({self.train_command(0)} and so on)"
        trained = configuration_from_plans(read_plans_file(folder / "plans.json"), self.configuration)
        if changed := [key for key in _DECISIVE if trained.get(key) != self.plan.get(key)]:
            raise UserError(
                f"{folder.name} was trained with another {', '.join(changed)} than {self.plans} has now: {again}, or "
                "restore the plans"
            )
        if read_json_file(folder / "dataset.json")["labels"] != self.dataset_json["labels"]:
            raise UserError(f"{folder.name} was trained with other labels than {self.dataset} has now: {again}")

    def _train_commands(self) -> str:
        return f"train every fold: {self.train_command(0)} and so on"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
