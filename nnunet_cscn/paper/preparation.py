"""Make a data set ready for the paper's experiment, beside nnU-Net's own plans, data and folds."""

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
    """A data set that is made ready.

    Attributes:
        dataset: Its folder name.
        configuration: The configuration's name.
    """

    dataset: str
    configuration: str

    @property
    def plans_file(self) -> Path:
        """The plans of the paper's experiment."""
        return preprocessed_dataset(self.dataset) / f"{PLANS}.json"

    def write_splits(self) -> list[PaperSplit]:
        """Write the five splits, by patient; they stay what they are when they are there already.

        Raises:
            UserError: When there are too few patients, or patients.json does not name all.
        """
        patients = patients_of(raw_dataset(self.dataset))
        splits = paper_splits(patients)
        write_paper_splits(preprocessed_dataset(self.dataset) / FILE, splits, patients)
        return splits

    def write_plans(self, options: PaperOptions, *, overwrite: bool = False) -> bool:
        """Write the configuration into the plans of the experiment.

        Args:
            options: What is chosen.
            overwrite: Whether another configuration of that name may be replaced.

        Returns:
            Whether it is new.

        Raises:
            UserError: When another one of that name stands there, models were trained with it, or nnU-Net's plans are
                missing or have changed since models were trained.
        """
        made = paper_plans(read_plans(self.dataset), self.configuration, options)
        present = read_plans_file(self.plans_file) if self.plans_file.is_file() else None
        if present is None or not _agree(present, made):
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
        """Write the configuration that spends a part of the iterations; return its name.

        Raises:
            UserError: When the share is out of range, or the configuration is not prepared.
        """
        plans = read_paper_plans(self.dataset)
        configuration_from_plans(plans, self.configuration)
        name = budget_name(self.configuration, budget)
        if name != self.configuration:
            entry = budget_configuration(plans, self.configuration, budget)
            store_configuration(self.plans_file, plans, name, entry, overwrite=True)
        return name

    def preprocessing(self) -> Job | None:
        """Return what is left to preprocess: nothing where it was done with these plans and for these cases."""
        if self._is_preprocessed():
            return None
        for name in self._heirs():
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

    def note_preprocessed(self) -> None:
        """Note for the next call that preprocessing came to its end."""
        write_json(self._marker, self._made_from())

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

    def _heirs(self) -> list[str]:
        """Return the configurations that share these data: this one and its budgets."""
        plans = read_plans_file(self.plans_file)
        return [name for name in plans["configurations"] if self.configuration in inheritance(plans, name)]

    def _is_preprocessed(self) -> bool:
        if not self._marker.is_file() or read_json_file(self._marker) != self._made_from():
            return False
        return all((self._data / f"{case}.pkl").is_file() for case in self._cases())

    def _made_from(self) -> dict[str, Any]:
        """Return what the preprocessed data depend on; of images, which are large, only their size in bytes."""
        raw, plan = raw_dataset(self.dataset), self._plan()
        shapes_data = ("spacing", "preprocessor_name", "norm", "use_mask", "resampling")
        return {
            "labels": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(raw / "labelsTr")},
            "images": {file.name: file.stat().st_size for file in _files(raw / "imagesTr")},
            "meaning": read_dataset_json(raw)["labels"],
            **{key: plan[key] for key in sorted(plan) if key.startswith(shapes_data)},
        }


def _agree(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Tell whether plans are the same but for their configurations."""
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
    """Return the patient of each training case; each case is a patient of its own where ``patients.json`` is missing.

    Args:
        raw: The raw data set.

    Raises:
        UserError: When ``patients.json`` lacks cases, or there are none.
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
