"""The runs of the paper's experiment: each method is trained on each of the five splits with nnUNetv2_train."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.execution.log_lock import is_locked
from nnunet_cscn.execution.trainings import Training
from nnunet_cscn.files import write_text
from nnunet_cscn.nnunet.folders import preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import configuration_from_plans, preprocessed_data, read_plans_file
from nnunet_cscn.paper.configuration import PLANS
from nnunet_cscn.paper.methods import TRAINERS
from nnunet_cscn.paper.preparation import read_paper_plans
from nnunet_cscn.protocol.splits import FILE, TEST_FOLDER, PaperSplit, check_split, read_paper_splits
from nnunet_cscn.texts import counted
from nnunet_cscn.training.tile_plans import is_same_configuration

RunState = Literal["waiting", "begun", "running", "done", "failed"]


@dataclass(frozen=True)
class PaperRun:
    """One method on one split: training, validation and prediction of the test cases.

    Attributes:
        method: Name of the method in the table.
        training: The training with nnU-Net.
        test_cases: The cases that are predicted at the end.
        file_ending: File ending of the predictions.
    """

    method: str
    training: Training
    test_cases: tuple[str, ...]
    file_ending: str

    @property
    def fold(self) -> int:
        """Number of the split."""
        return int(self.training.fold)  # never "all"

    @property
    def predictions(self) -> Path:
        """Folder of the predicted test cases."""
        return self.training.folder / TEST_FOLDER

    @property
    def is_done(self) -> bool:
        """Whether the run is complete. Reads the whole checkpoint."""
        return self.training.is_finished and not self.missing_cases

    @property
    def looks_done(self) -> bool:
        """Whether the run is complete, without a look at the weights."""
        return self.training.looks_finished and not self.missing_cases

    @property
    def missing_cases(self) -> list[str]:
        """The test cases without a prediction."""
        return [case for case in self.test_cases if not (self.predictions / f"{case}{self.file_ending}").is_file()]

    @property
    def failure(self) -> str:
        """The error of the last attempt. An empty text if there was none."""
        file = self._failure_file
        return file.read_text(encoding="utf-8").strip() if file.is_file() and not self.looks_done else ""

    def state(self) -> RunState:
        """Return the state of the run, from the files in its folder. Weights are not read."""
        if is_locked(self.training.job().log_file):
            return "running"
        if self.looks_done:
            return "done"
        if self.failure:
            return "failed"
        return "begun" if self.training.folder.is_dir() else "waiting"

    def job(self) -> Job:
        """Return the job that completes the run."""
        return dataclasses.replace(
            self.training.job(), name=f"{self.method} fold {self.fold}", array=self.training.trainer
        )

    def record_failure(self, failure: str) -> None:
        """Record the error of an attempt in one line. An empty text deletes the record."""
        if failure:
            write_text(self._failure_file, " ".join(failure.split()) + "\n")
        else:
            self._failure_file.unlink(missing_ok=True)

    @property
    def _failure_file(self) -> Path:
        return self.training.job().log_file.with_suffix(".failed")


def paper_runs(
    dataset: str, configuration: str, methods: Sequence[str], folds: Sequence[int] | None = None
) -> list[PaperRun]:
    """Return the runs of the given methods and splits, ordered by split.

    Args:
        dataset: Folder name of the data set.
        configuration: Name of the configuration.
        methods: Names of methods in the table.
        folds: Numbers of the splits. None for all.

    Raises:
        UserError: When the data set is not prepared, a split does not exist, or the folder contains results of other
            plans.
    """
    plans = read_paper_plans(dataset)
    configuration_from_plans(plans, configuration)
    splits = _splits(dataset, configuration)
    chosen = list(range(len(splits))) if folds is None else list(folds)
    if unknown := [fold for fold in chosen if fold >= len(splits)]:
        raise ArgumentError("folds", f"there is no split {unknown[0]}; expected 0 to {len(splits) - 1}")
    ending = read_dataset_json(preprocessed_dataset(dataset))["file_ending"]
    runs = [
        PaperRun(method, Training(dataset, configuration, TRAINERS[method], PLANS, fold), splits[fold].test, ending)
        for fold in chosen
        for method in methods
    ]
    for run in runs:
        check_split(run.training.folder, splits[run.fold])
    for model in dict.fromkeys(run.training.folder.parent for run in runs):
        file = model / "plans.json"
        if file.is_file() and not is_same_configuration(plans, read_plans_file(file), configuration):
            raise UserError(
                f"{PLANS} changed after {model} was trained: move that folder away, or prepare a "
                "configuration with another name (`cscn paper prepare -c NAME`)"
            )
    return runs


def by_method(runs: Sequence[PaperRun]) -> Mapping[str, list[PaperRun]]:
    """Group the runs by method."""
    found: dict[str, list[PaperRun]] = {}
    for run in runs:
        found.setdefault(run.method, []).append(run)
    return found


def _splits(dataset: str, configuration: str) -> list[PaperSplit]:
    """Return the splits. Raise an error if cases are not preprocessed."""
    splits = read_paper_splits(preprocessed_dataset(dataset) / FILE)
    data = preprocessed_data(dataset, PLANS, configuration)
    cases = {case for split in splits for case in (*split.train, *split.validation, *split.test)}
    if missing := sorted(case for case in cases if not (data / f"{case}.pkl").is_file()):
        raise UserError(
            f"{data} lacks {counted(len(missing), 'case')} of the splits, such as {missing[0]}: run `cscn paper "
            f"prepare {dataset}` again"
        )
    return splits
