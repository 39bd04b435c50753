"""Prepare a data set for the paper's experiment. nnU-Net's own plans, data and folds do not change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.nnunet.folders import (
    dataset_number,
    models_trained_with,
    preprocessed_dataset,
    raw_dataset,
    read_dataset_json,
)
from nnunet_cscn.nnunet.plans import configuration_from_plans, data_identifier, inheritance, read_plans, read_plans_file
from nnunet_cscn.paper.configuration import (
    PLANS,
    PaperOptions,
    budget_configuration,
    budget_name,
    paper_plans,
)
from nnunet_cscn.planning.storing import store_configuration
from nnunet_cscn.protocol.splits import FILE, PaperSplit, paper_splits, write_paper_splits

_MARKER = "preprocessed.json"


@dataclass(frozen=True)
class Preparation:
    """The preparation of one data set.

    Attributes:
        dataset: Folder name of the data set.
        configuration: Name of the configuration.
    """

    dataset: str
    configuration: str

    @property
    def plans_file(self) -> Path:
        """File of the plans of the paper's experiment."""
        return preprocessed_dataset(self.dataset) / f"{PLANS}.json"

    def write_splits(self) -> list[PaperSplit]:
        """Write the five splits by patient. Existing splits are kept.

        Raises:
            UserError: When there are too few patients, or patients.json is incomplete.
        """
        patients = patients_of(raw_dataset(self.dataset))
        splits = paper_splits(patients)
        write_paper_splits(preprocessed_dataset(self.dataset) / FILE, splits, patients)
        return splits

    def write_plans(self, options: PaperOptions, *, overwrite: bool = False) -> bool:
        """Write the configuration into the plans of the experiment.

        Args:
            options: The settings.
            overwrite: Whether to replace a different configuration of the same name.

        Returns:
            Whether the plans changed.

        Raises:
            UserError: When a different configuration of this name exists, models were trained with it, or nnU-Net's
                plans are missing or changed after models were trained.
        """
        made = paper_plans(read_plans(self.dataset), self.configuration, options)
        present = read_plans_file(self.plans_file) if self.plans_file.is_file() else None
        if present is None or not _differ_only_in_configurations(present, made):
            if trained := models_trained_with(self.dataset, PLANS):
                raise UserError(
                    f"nnU-Net's plans of {self.dataset} changed after {trained[0]} was trained: restore "
                    "nnUNetPlans.json, or move the results of the paper's trainers away"
                )
            write_json(self.plans_file, made)
            return True
        entry = made["configurations"][self.configuration]
        return store_configuration(self.plans_file, present, self.configuration, entry, overwrite=overwrite)

    def write_budget(self, budget: float) -> str:
        """Write the configuration with a fraction of the iterations and return its name.

        Raises:
            UserError: When the fraction is out of range, or the configuration is not prepared.
        """
        plans = read_paper_plans(self.dataset)
        configuration_from_plans(plans, self.configuration)
        name = budget_name(self.configuration, budget)
        if name != self.configuration:
            entry = budget_configuration(plans, self.configuration, budget)
            store_configuration(self.plans_file, plans, name, entry, overwrite=True)
        return name

    def preprocessing(self) -> Job | None:
        """Return the preprocessing job. None if the current cases are already preprocessed with the current plans."""
        if self._is_preprocessed():
            return None
        for name in self._derived_configurations():
            if trained := models_trained_with(self.dataset, PLANS, name):
                raise UserError(
                    f"the preprocessed data changed after {trained[0]} was trained (different cases, labels or "
                    "plans, or manual preprocessing): move that folder away, or prepare a configuration with "
                    "another name"
                )
        self._marker.unlink(missing_ok=True)
        number = str(dataset_number(self.dataset))
        n_cases = len(self._cases())
        return Job(
            name=f"preprocess {self.configuration}",
            command=("nnUNetv2_preprocess", "-d", number, "-plans_name", PLANS, "-c", self.configuration, "-np", "2"),
            log_file=self._marker.parent / "preprocess.log",
            progress=rf"\b(\d+)/{n_cases} \[",
            total=n_cases,
        )

    def mark_preprocessed(self) -> None:
        """Record that preprocessing is complete."""
        write_json(self._marker, self._inputs_of_preprocessing())

    @property
    def _data(self) -> Path:
        return preprocessed_dataset(self.dataset) / data_identifier(self._plan())

    @property
    def _marker(self) -> Path:
        return preprocessed_dataset(self.dataset) / "cscn" / self._data.name / _MARKER

    def _plan(self) -> dict[str, Any]:
        return configuration_from_plans(read_plans_file(self.plans_file), self.configuration)

    def _cases(self) -> list[str]:
        return sorted(patients_of(raw_dataset(self.dataset)))

    def _derived_configurations(self) -> list[str]:
        """Return the configurations that share the preprocessed data: this one and those with fewer iterations."""
        plans = read_plans_file(self.plans_file)
        return [name for name in plans["configurations"] if self.configuration in inheritance(plans, name)]

    def _is_preprocessed(self) -> bool:
        if not self._marker.is_file() or read_json_file(self._marker) != self._inputs_of_preprocessing():
            return False
        return all((self._data / f"{case}.pkl").is_file() for case in self._cases())

    def _inputs_of_preprocessing(self) -> dict[str, Any]:
        """Return everything on which the preprocessed data depend. Of the large image files, only the size is used."""
        raw, plan = raw_dataset(self.dataset), self._plan()
        shapes_data = ("spacing", "preprocessor_name", "norm", "use_mask", "resampling")
        return {
            "labels": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(raw / "labelsTr")},
            "images": {file.name: file.stat().st_size for file in _files(raw / "imagesTr")},
            "meaning": read_dataset_json(raw)["labels"],
            **{key: plan[key] for key in sorted(plan) if key.startswith(shapes_data)},
        }


def _differ_only_in_configurations(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two plans are identical except for their configurations."""
    return {**first, "configurations": None} == {**second, "configurations": None}


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def read_paper_plans(dataset: str) -> dict[str, Any]:
    """Read the plans of the experiment.

    Raises:
        UserError: When the data set is not prepared.
    """
    if not (preprocessed_dataset(dataset) / f"{PLANS}.json").is_file():
        raise UserError(f"{dataset} is not prepared for the paper's experiment: run `cscn paper prepare {dataset}`")
    return read_plans(dataset, PLANS)


def patients_of(raw: Path) -> Mapping[str, str]:
    """Return the patient of each training case. Without ``patients.json``, each case is a separate patient.

    Args:
        raw: Folder of the raw data set.

    Raises:
        UserError: When ``patients.json`` is incomplete, or there are no cases.
    """
    ending = read_dataset_json(raw)["file_ending"]
    if not ending.endswith(ENDINGS):
        raise UserError(
            f"{raw.name} contains {ending} files, but the table needs NIfTI: convert the data with `cscn convert nifti`"
        )
    labels = raw / "labelsTr"
    cases = sorted(f.name.removesuffix(ending) for f in labels.glob(f"*{ending}") if not f.name.startswith("."))
    if not cases:
        raise UserError(f"{labels} contains no label maps with the ending {ending}: add the training cases first")
    file = raw / "patients.json"
    if not file.is_file():
        return {case: case for case in cases}
    known = read_json_file(file)
    if not isinstance(known, dict) or (missing := [case for case in cases if not known.get(case)]):
        lacks = f"lacks {', '.join(missing[:5])}" if isinstance(known, dict) else "is no table of cases"
        raise UserError(f"{file} {lacks}: add the patient of every training case, or delete the file")
    return {case: str(known[case]) for case in cases}
