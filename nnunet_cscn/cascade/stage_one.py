"""A trained stage one: its folds, its checkpoints, and whether they fit the data set as it is now."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode
from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of
from nnunet_cscn.nnunet.folders import model_path, preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import configuration_from_plans, data_identifier, read_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.staged import StagedSettings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE
from nnunet_cscn.splits.out_of_fold import check_held_out_once

FINAL = "checkpoint_final.pth"
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
        onto: The configuration on whose preprocessed grid the maps are stored; None for its own.
    """

    dataset: str
    configuration: str
    trainer: str = "BUNetTrainer"
    plans: str = "nnUNetPlans"
    checkpoint: str = FINAL
    onto: str | None = None

    @classmethod
    def find(
        cls,
        dataset: str | int,
        configuration: str,
        *,
        trainer: str,
        plans: str,
        checkpoint: str,
        onto: str | None = None,
    ) -> StageOne:
        """Take a data set by number or name.

        Raises:
            UserError: When data set, plans or configuration are unknown, the configuration is no first stage, or its
                maps can't be brought onto the other's grid.
        """
        found = cls(preprocessed_dataset(dataset).name, configuration, trainer, plans, checkpoint)
        first = found.plan
        if onto is None or data_identifier(second := found.plan_of(onto)) == data_identifier(first):
            return found
        if len(first["patch_size"]) != 3 or len(second["patch_size"]) != 3:
            raise UserError(
                f"{configuration} and {onto} have different preprocessed data, and only maps of 3D configurations can "
                "be resampled to another grid: choose another stage one"
            )
        return dataclasses.replace(found, onto=onto)

    @classmethod
    def before(cls, dataset: str, configuration: str, plans: str, options: StagedSettings) -> StageOne:
        """Return the stage one that a second stage's options name.

        Args:
            dataset: The data set's folder name.
            configuration: Configuration of stage two.
            plans: Plans of both.
            options: Stage two's options.

        Raises:
            UserError: As ``find``.
        """
        return cls.find(
            dataset,
            options.configuration or configuration,
            trainer=options.stage_one,
            plans=plans,
            checkpoint=options.checkpoint,
            onto=configuration,
        )

    @cached_property
    def preprocessed(self) -> Path:
        """The preprocessed data set."""
        return preprocessed_dataset(self.dataset)

    @cached_property
    def dataset_json(self) -> dict[str, Any]:
        """The data set's description, as it is now."""
        return read_dataset_json(self.preprocessed)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The configuration, as the plans are now.

        Raises:
            UserError: When there is none, or it needs nnU-Net's own cascade before it.
        """
        plan = configuration_from_plans(read_plans(self.dataset, self.plans), self.configuration)
        if previous := plan.get("previous_stage"):
            raise UserError(
                f"{self.configuration} is the second stage of nnU-Net's own cascade (after {previous}): choose another "
                "configuration, such as 3d_fullres"
            )
        return plan

    @property
    def target_plan(self) -> dict[str, Any]:
        """The configuration on whose grid the maps lie."""
        return self.plan if self.onto is None else self.plan_of(self.onto)

    def plan_of(self, configuration: str) -> dict[str, Any]:
        """Return another configuration of the same plans.

        Raises:
            UserError: When there is none.
        """
        return configuration_from_plans(read_plans(self.dataset, self.plans), configuration)

    @cached_property
    def splits(self) -> list[dict[str, list[str]]]:
        """Training and validation cases of each fold.

        Raises:
            UserError: When there are no splits, or some case has no fold, or more than one, that has not seen it.
        """
        file = self.preprocessed / SPLITS_FILE
        if not file.is_file():
            raise UserError(
                f"{file} is missing: nnU-Net writes it when the first fold is trained; train every fold: "
                f"{self.train_command(0)} and so on"
            )
        splits: list[dict[str, list[str]]] = read_json_file(file)
        check_held_out_once(file, splits)
        return splits

    @property
    def fold_of(self) -> dict[str, int]:
        """The fold that validates each case, and so did not train on it."""
        return {case: fold for fold, split in enumerate(self.splits) for case in split["val"]}

    @property
    def folder(self) -> Path:
        """The folder of the trained model, whether it is there or not."""
        return model_path(self.dataset, trainer=self.trainer, plans=self.plans, configuration=self.configuration)

    def checkpoint_of(self, fold: int) -> Path:
        """Return the checkpoint of a fold."""
        return self._fold_folder(fold) / self.checkpoint

    def check_folds(self) -> None:
        """See that every fold is trained, on the splits, plans and labels of now.

        Raises:
            UserError: With the commands that are to be run.
        """
        folds = range(len(self.splits))
        # the best checkpoint of an unfinished training is none
        if unfinished := [fold for fold in folds if not (self._fold_folder(fold) / FINAL).is_file()]:
            if (self.folder / "fold_all").is_dir() and len(unfinished) == len(folds):
                reason = f"{self.folder.name} was trained on all cases (fold all), so there are no out-of-fold cases"
            else:
                reason = f"{self.folder.name} is not finished in fold {', '.join(map(str, unfinished))}"
            commands = "\n".join(f"  {self._resume_command(fold)}" for fold in unfinished)
            raise UserError(f"{reason}; train:\n{commands}")
        if without := [str(fold) for fold in folds if not self.checkpoint_of(fold).is_file()]:
            raise UserError(f"{self.folder.name} has no {self.checkpoint} in fold {', '.join(without)}: choose {FINAL}")
        for fold in folds:
            self._check_fold(fold)

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
        options += "" if self.checkpoint == FINAL else f" -chk {self.checkpoint}"
        options += "" if self.onto is None else f" --onto {self.onto}"
        return f"cscn cascade {self.dataset} {self.configuration}{options}"

    def _fold_folder(self, fold: int) -> Path:
        return self.folder / f"fold_{fold}"

    def _resume_command(self, fold: int) -> str:
        """Return nnU-Net's command that trains a fold, from where it stopped if it has begun."""
        begun = any((self._fold_folder(fold) / f"checkpoint_{name}.pth").is_file() for name in ("latest", "best"))
        return self.train_command(fold) + (" --c" if begun else "")

    def _check_fold(self, fold: int) -> None:
        """Compare what a checkpoint says of its own training with the data set as it is now."""
        name, again = f"fold {fold} of {self.folder.name}", f"train it again: {self.train_command(fold)}"
        try:
            checkpoint = read_checkpoint(self.checkpoint_of(fold))
        except ForeignCode:
            raise
        except UserError:
            raise UserError(f"{self.checkpoint_of(fold)} is damaged: {again}") from None
        arguments = checkpoint["init_args"]
        trained = configuration_from_plans(arguments["plans"], self.configuration)
        changed = [key for key in _DECISIVE if trained.get(key) != self.plan.get(key)]
        if not self.trainer.startswith("BUNetTrainer"):  # which has no options that change its network
            then, now = (Settings.from_configuration(plan) for plan in (trained, self.plan))
            changed += [key for key in ("coarse", "fine", "fusion") if getattr(then, key) != getattr(now, key)]
        if changed:
            raise UserError(
                f"{self.plans} changed after {name} was trained ({', '.join(changed)}): restore the plans, or {again}"
            )
        if not same_labels(arguments["dataset_json"]["labels"], self.dataset_json["labels"]):
            raise UserError(f"the labels of {self.dataset} changed after {name} was trained: {again}")
        if self._validated_in_training(fold, checkpoint) != sorted(self.splits[fold]["val"]):
            raise UserError(f"splits_final.json changed after {name} was trained: {again}")

    def _validated_in_training(self, fold: int, checkpoint: dict[str, Any]) -> list[str]:
        if noted := record_of(checkpoint).get("split"):
            return sorted(noted["val"])
        summary = self._fold_folder(fold) / "validation" / "summary.json"
        if not summary.is_file():
            raise UserError(
                f"the training cases of fold {fold} of {self.folder.name} are unknown: if they are those of "
                f"splits_final.json, validate it with nnU-Net ({self.train_command(fold)} --val); else train it again"
            )
        ending: str = self.dataset_json["file_ending"]
        files = [case["reference_file"] for case in read_json_file(summary)["metric_per_case"]]
        return sorted(Path(file).name.removesuffix(ending) for file in files)


def same_labels(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Tell whether labels are the same; the order counts, as it is that of a region model's channels."""
    return list(first.items()) == list(second.items())
