"""Find data sets and models in nnU-Net's three folders, without importing nnunetv2."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from nnunet_cscn.errors import UserError, available_names
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.old_format import old_format_advice

FolderVariable = Literal["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"]
FOLDER_VARIABLES: tuple[FolderVariable, ...] = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")

_DATASET_NAME = re.compile(r"Dataset(\d{3,})_.+")


def is_set(variable: FolderVariable) -> bool:
    """Return whether one of nnU-Net's variables is set and not empty."""
    return bool(os.environ.get(variable, "").strip())


def folder_from_environment(variable: FolderVariable) -> Path:
    """Return the folder to which one of nnU-Net's three variables points.

    Args:
        variable: The variable's name.

    Raises:
        UserError: If the variable is not set or is not a folder.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(
            f"{variable} is not set: set it to nnU-Net's folder, such as `export {variable}=/data/{variable}`"
        )
    folder = Path(value)
    if not folder.is_dir():
        raise UserError(f"{variable}={value} is not a folder: create it (`mkdir -p {value}`) or correct the variable")
    return folder


def raw_folder() -> Path:
    """Return ``$nnUNet_raw``; UserError as in ``folder_from_environment``."""
    return folder_from_environment("nnUNet_raw")


def preprocessed_folder() -> Path:
    """Return ``$nnUNet_preprocessed``; UserError as in ``folder_from_environment``."""
    return folder_from_environment("nnUNet_preprocessed")


def results_folder() -> Path:
    """Return ``$nnUNet_results``; UserError as in ``folder_from_environment``."""
    return folder_from_environment("nnUNet_results")


def dataset_names() -> list[str]:
    """Return all data sets in nnU-Net's folders, sorted, each once. Variables that are not set are skipped."""
    folders = [Path(os.environ[variable]) for variable in FOLDER_VARIABLES if is_set(variable)]
    return sorted({name for folder in folders for name in _dataset_names_in(folder)})


def dataset_name(dataset: str | int) -> str:
    """Return the folder name of a data set, given by number or name, from any of nnU-Net's folders.

    Args:
        dataset: A number (``901``, ``"901"``) or a full name (``"Dataset901_NPC"``).

    Returns:
        The folder name, such as ``"Dataset901_NPC"``.

    Raises:
        UserError: If no folder is set, or not exactly one data set matches.
    """
    if not any(is_set(variable) for variable in FOLDER_VARIABLES):
        raise UserError(
            f"none of {', '.join(FOLDER_VARIABLES)} is set: set them as described in nnU-Net's documentation"
        )
    return _find_dataset(dataset, dataset_names())


def dataset_number(name: str) -> int:
    """Return the number in the folder name of a data set. Some of nnU-Net's commands accept only the number.

    Example:
        >>> dataset_number("Dataset901_NPC")
        901
    """
    match = _DATASET_NAME.fullmatch(name)
    assert match is not None
    return int(match.group(1))


def raw_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_raw``; UserError if it does not exist."""
    return _dataset_folder(dataset, "nnUNet_raw", remedy="put the data there first, in nnU-Net's raw format")


def preprocessed_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_preprocessed``; UserError if it does not exist."""
    return _dataset_folder(dataset, "nnUNet_preprocessed", remedy="run `nnUNetv2_plan_and_preprocess -d NUMBER` first")


def results_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_results``; UserError if it does not exist."""
    return _dataset_folder(dataset, "nnUNet_results", remedy="train first (`nnUNetv2_train`)")


def model_folder(dataset: str | int, *, trainer: str, plans: str, configuration: str) -> Path:
    """Return the folder of a trained model, which contains ``fold_0`` and so on.

    Raises:
        UserError: If it does not exist, with a list of the existing models.
    """
    parent = results_dataset(dataset)
    folder = model_path(parent.name, trainer=trainer, plans=plans, configuration=configuration)
    if not folder.is_dir():
        present = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and entry.name.count("__") == 2)
        raise UserError(
            f"{parent.name} has no model {folder.name}: train it first, or choose another model; "
            f"{available_names(present)}"
        )
    return folder


def model_path(dataset: str, *, trainer: str, plans: str, configuration: str) -> Path:
    """Return the folder of a model, even if it does not exist yet; ``dataset`` is a folder name."""
    return results_folder() / dataset / f"{trainer}__{plans}__{configuration}"


def models_trained_with(dataset: str, plans: str, configuration: str = "*") -> list[Path]:
    """Return the folders of all models trained with the plans, or with one of their configurations.

    Args:
        dataset: The data set's folder name.
        plans: The plans' name.
        configuration: The configuration's name; all by default.

    Returns:
        The sorted folders; empty if ``nnUNet_results`` is not set.
    """
    if not is_set("nnUNet_results"):
        return []
    return sorted((results_folder() / dataset).glob(f"*__{plans}__{configuration}"))


def read_dataset_json(folder: Path) -> dict[str, Any]:
    """Read the ``dataset.json`` of a data set and check the entries that nnU-Net needs.

    Raises:
        UserError: If it is missing, not JSON, or incomplete.
    """
    file = folder / "dataset.json"
    content = read_json_file(file)
    entries = content if isinstance(content, dict) else {}
    kinds: dict[str, type] = {"channel_names": dict, "labels": dict, "numTraining": int, "file_ending": str}
    wrong = [key for key, kind in kinds.items() if not isinstance(entries.get(key), kind)]
    if wrong and (advice := old_format_advice(entries.get("labels"))):
        raise UserError(f"{file} {advice}")
    if wrong:
        raise UserError(f"{file} has no valid {', '.join(wrong)}: complete it as described in nnU-Net's dataset format")
    return entries


def _dataset_folder(dataset: str | int, variable: FolderVariable, *, remedy: str) -> Path:
    parent = folder_from_environment(variable)
    name = dataset_name(dataset)
    folder = parent / name
    if not folder.is_dir():
        raise UserError(f"{name} is not in {variable} ({parent}): {remedy}")
    return folder


def _find_dataset(dataset: str | int, names: list[str]) -> str:
    text = str(dataset).strip()
    if text.isdecimal():
        fitting = [name for name in names if dataset_number(name) == int(text)]
    elif text.startswith("Dataset"):
        fitting = [name for name in names if name == text]
    else:
        raise UserError(f"data set {text!r}: expected a number such as 901 or a full name such as Dataset901_NPC")
    if not fitting:
        raise UserError(f"nnU-Net's folders contain no data set {text}; {available_names(names)}")
    if len(fitting) > 1:
        raise UserError(
            f"data set {text} is not unique in nnU-Net's folders: {', '.join(fitting)}; rename or remove the others"
        )
    return fitting[0]


def _dataset_names_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if _DATASET_NAME.fullmatch(entry.name) and entry.is_dir())
