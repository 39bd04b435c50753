"""A trained stage one: its folds and checkpoints, and checks that they match the present data set."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode, is_whole
from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of
from nnunet_cscn.nnunet.crossval import check_enough_cases
from nnunet_cscn.nnunet.datasets import infer_dataset_class
from nnunet_cscn.nnunet.folders import model_path, preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import configuration_from_plans, data_identifier, preprocessed_data, read_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.staged import StagedSettings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE, Splits
from nnunet_cscn.splits.out_of_fold import check_held_out_once
from nnunet_cscn.splits.reading import read_folds

FINAL = "checkpoint_final.pth"
# Entries of a configuration that change the probability maps.
_KEYS_THAT_CHANGE_MAPS = ("data_identifier", "patch_size", "spacing", "normalization_schemes", "architecture")


@dataclass(frozen=True)
class StageOne:
    """All folds of one trainer, plans and configuration, used as stage one.

    Attributes:
        dataset: Folder name of the data set.
        configuration: Name of the configuration.
        trainer: Name of the trainer.
        plans: Name of the plans.
        checkpoint: File name of the checkpoint in each fold.
        onto: Configuration on whose preprocessed grid the maps are stored; None for the same configuration.
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
        """Return a stage one of a data set, which is given by number or name.

        Raises:
            UserError: If the data set, plans or configuration are unknown, the configuration cannot be a first stage,
                or its maps cannot be resampled to the other grid.
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
    def for_stage_two(cls, dataset: str, configuration: str, plans: str, options: StagedSettings) -> StageOne:
        """Return the stage one named in the settings of a second stage.

        Args:
            dataset: Folder name of the data set.
            configuration: Configuration of stage two.
            plans: Plans of both stages.
            options: Settings of stage two.

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
        """The folder of the preprocessed data set."""
        return preprocessed_dataset(self.dataset)

    @cached_property
    def dataset_json(self) -> dict[str, Any]:
        """The present ``dataset.json`` of the preprocessed data set."""
        return read_dataset_json(self.preprocessed)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The configuration in the present plans.

        Raises:
            UserError: If it does not exist, or it is the second stage of nnU-Net's own cascade.
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
        """The configuration that defines the grid of the maps."""
        return self.plan if self.onto is None else self.plan_of(self.onto)

    def plan_of(self, configuration: str) -> dict[str, Any]:
        """Return another configuration of the same plans.

        Raises:
            UserError: If it does not exist.
        """
        return configuration_from_plans(read_plans(self.dataset, self.plans), configuration)

    @cached_property
    def splits(self) -> Splits:
        """Training and validation cases of each fold.

        Raises:
            UserError: If there are no splits, there are too few cases for nnU-Net to make them, or they are not valid
                (see ``read_folds`` and ``check_held_out_once``).
        """
        file = self.preprocessed / SPLITS_FILE
        if not file.is_file():
            check_enough_cases(self.dataset, self._cases())
            raise UserError(
                f"{file} is missing: nnU-Net writes it when the first fold is trained; train every fold: "
                f"{self.train_command(0)} and so on"
            )
        has_data = (self.preprocessed / str(self.plan.get("data_identifier"))).is_dir()  # maps alone need none
        splits = read_folds(file, known=self._cases() if has_data else None)
        check_held_out_once(file, splits)
        return splits

    def _cases(self) -> list[str]:
        folder = str(preprocessed_data(self.dataset, self.plans, self.configuration))
        return list(infer_dataset_class(folder).get_identifiers(folder))

    @property
    def fold_of(self) -> dict[str, int]:
        """The fold of each case: the case is in its validation set, so the fold was not trained on it."""
        return {case: fold for fold, split in enumerate(self.splits) for case in split["val"]}

    @property
    def folder(self) -> Path:
        """The folder of the trained model, even if it does not exist yet."""
        return model_path(self.dataset, trainer=self.trainer, plans=self.plans, configuration=self.configuration)

    def checkpoint_of(self, fold: int) -> Path:
        """Return the checkpoint of a fold."""
        return self._fold_folder(fold) / self.checkpoint

    def check_folds(self) -> None:
        """Check that every fold is trained with the present splits, plans and labels.

        Raises:
            UserError: If not, with the commands to run.
        """
        folds = range(len(self.splits))
        # only a finished training counts, even if checkpoint_best.pth is used
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
        """Return the command of this package that makes the maps."""
        options = "" if self.trainer == "BUNetTrainer" else f" -tr {self.trainer}"
        options += "" if self.plans == "nnUNetPlans" else f" -p {self.plans}"
        options += "" if self.checkpoint == FINAL else f" -chk {self.checkpoint}"
        options += "" if self.onto is None else f" --onto {self.onto}"
        return f"cscn cascade {self.dataset} {self.configuration}{options}"

    def _fold_folder(self, fold: int) -> Path:
        return self.folder / f"fold_{fold}"

    def _resume_command(self, fold: int) -> str:
        """Return nnU-Net's command that trains a fold. It resumes a training that has begun."""
        begun = any((self._fold_folder(fold) / f"checkpoint_{name}.pth").is_file() for name in ("latest", "best"))
        return self.train_command(fold) + (" --c" if begun else "")

    def _check_fold(self, fold: int) -> None:
        """Compare the plans, labels and splits in a checkpoint with the present ones."""
        name, again = f"fold {fold} of {self.folder.name}", f"train it again: {self.train_command(fold)}"
        file = self.checkpoint_of(fold)
        try:
            checkpoint = read_checkpoint(file)
        except ForeignCode:
            raise
        except UserError:
            raise UserError(f"{file} is damaged: {again}") from None
        if not is_whole(file):  # torch maps weights into memory, and checks none
            raise UserError(f"{file} is damaged: {again}")
        arguments = checkpoint["init_args"]
        trained = configuration_from_plans(arguments["plans"], self.configuration)
        changed = [key for key in _KEYS_THAT_CHANGE_MAPS if trained.get(key) != self.plan.get(key)]
        if not self.trainer.startswith("BUNetTrainer"):  # no settings change the network of BUNetTrainer
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
    """Return whether labels are the same. Their order counts, because it is the channel order of a region model."""
    return list(first.items()) == list(second.items())
