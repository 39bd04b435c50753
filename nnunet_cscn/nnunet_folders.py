"""Find data sets, plans and models in nnU-Net's three folders, without importing nnunetv2."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

from nnunet_cscn.errors import UserError

FolderVariable = Literal["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"]
FOLDER_VARIABLES: tuple[FolderVariable, ...] = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")

MAKE_PLANS = "make the plans anew with `nnUNetv2_plan_experiment` or `cscn plan`"

_DATASET_NAME = re.compile(r"Dataset(\d{3,})_.+")


def is_set(variable: FolderVariable) -> bool:
    """Tell whether one of nnU-Net's variables is set and not empty."""
    return bool(os.environ.get(variable, "").strip())


def folder_from_environment(variable: FolderVariable) -> Path:
    """Return the folder that one of nnU-Net's three variables names.

    Args:
        variable: The variable's name.

    Raises:
        UserError: When the variable is not set or names something that is no folder.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(
            f"{variable} is not set: name nnU-Net's folder first, such as `export {variable}=/data/{variable}`"
        )
    folder = Path(value)
    if not folder.is_dir():
        raise UserError(f"{variable}={value} is no folder: make it (`mkdir -p {value}`) or correct the variable")
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
    """Return the data sets in those of nnU-Net's folders that are set, sorted and without repetition."""
    folders = [Path(os.environ[variable]) for variable in FOLDER_VARIABLES if is_set(variable)]
    return sorted({name for folder in folders for name in _dataset_names_in(folder)})


def dataset_name(dataset: str | int) -> str:
    """Turn a data set's number or name into its folder name, by what stands in any of nnU-Net's folders.

    Args:
        dataset: A number (``901``, ``"901"``) or a full name (``"Dataset901_NPC"``).

    Returns:
        The folder name, such as ``"Dataset901_NPC"``.

    Raises:
        UserError: When no folder is set, or no data set or more than one fits.
    """
    if not any(is_set(variable) for variable in FOLDER_VARIABLES):
        raise UserError(f"none of {', '.join(FOLDER_VARIABLES)} is set: set them as nnU-Net's documentation says")
    return _chosen(dataset, dataset_names())


def dataset_number(name: str) -> int:
    """Return the number in a data set's folder name, which is all that some of nnU-Net's commands take.

    Example:
        >>> dataset_number("Dataset901_NPC")
        901
    """
    match = _DATASET_NAME.fullmatch(name)
    assert match is not None
    return int(match.group(1))


def raw_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_raw``; UserError when it is not there."""
    return _dataset_folder(dataset, "nnUNet_raw", remedy="put the data there in nnU-Net's raw format first")


def preprocessed_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_preprocessed``; UserError when it is not there."""
    return _dataset_folder(dataset, "nnUNet_preprocessed", remedy="run `nnUNetv2_plan_and_preprocess -d NUMBER` first")


def results_dataset(dataset: str | int) -> Path:
    """Return the data set's folder in ``$nnUNet_results``; UserError when it is not there."""
    return _dataset_folder(dataset, "nnUNet_results", remedy="train first (`nnUNetv2_train`)")


def model_folder(dataset: str | int, *, trainer: str, plans: str, configuration: str) -> Path:
    """Return the folder of a trained model, which holds ``fold_0`` and so on.

    Raises:
        UserError: When it is not there, with the models that are.
    """
    parent = results_dataset(dataset)
    folder = model_path(parent.name, trainer=trainer, plans=plans, configuration=configuration)
    if not folder.is_dir():
        present = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and entry.name.count("__") == 2)
        raise UserError(f"{parent.name} has no model {folder.name}: train it first; {_there_is(present)}")
    return folder


def model_path(dataset: str, *, trainer: str, plans: str, configuration: str) -> Path:
    """Return where nnU-Net puts a model, whether it is there or not; ``dataset`` is the folder's name."""
    return results_folder() / dataset / f"{trainer}__{plans}__{configuration}"


def preprocessed_data(dataset: str, plans: str, configuration: str) -> Path:
    """Return the folder of a configuration's preprocessed cases.

    Args:
        dataset: The data set's folder name.
        plans: The plans' name.
        configuration: The configuration's name.

    Raises:
        UserError: When it is not there, or the plans do not name it.
    """
    plan = configuration_from_plans(read_plans(dataset, plans), configuration)
    folder = preprocessed_dataset(dataset) / data_identifier(plan)
    if not folder.is_dir():
        raise UserError(
            f"{folder} is missing: run `nnUNetv2_preprocess -d {dataset_number(dataset)} -plans_name {plans} "
            f"-c {configuration}` first"
        )
    return folder


def models_trained_with(dataset: str, plans: str, configuration: str = "*") -> list[Path]:
    """Return the folders of the models that were trained with the plans, or with one configuration of them.

    Args:
        dataset: The data set's folder name.
        plans: The plans' name.
        configuration: The configuration's name; all by default.

    Returns:
        The folders, sorted; none where ``nnUNet_results`` is not set.
    """
    if not is_set("nnUNet_results"):
        return []
    return sorted((results_folder() / dataset).glob(f"*__{plans}__{configuration}"))


def plans_file(dataset: str | int, plans: str = "nnUNetPlans") -> Path:
    """Return the path of a plans file in the preprocessed data set.

    Args:
        dataset: The data set's number or name.
        plans: The plans' name, with or without ``.json``.

    Raises:
        UserError: When there is no such file, with the plans that there are.
    """
    folder = preprocessed_dataset(dataset)
    file = folder / f"{plans.removesuffix('.json')}.json"
    if not file.is_file():
        present = [path.stem for path in sorted(folder.glob("*.json")) if _holds_plans(path)]
        raise UserError(
            f"{folder.name} has no plans {file.stem}: {_there_is(present)}; "
            "`nnUNetv2_plan_experiment` and `cscn plan` make plans"
        )
    return file


def read_plans(dataset: str | int, plans: str = "nnUNetPlans") -> dict[str, Any]:
    """Read a plans file of the preprocessed data set.

    Raises:
        UserError: When it is missing or holds no plans.
    """
    return read_plans_file(plans_file(dataset, plans))


def read_plans_file(file: Path) -> dict[str, Any]:
    """Read plans from ``file``, such as the ``plans.json`` of a model folder.

    Raises:
        UserError: When it is missing or holds no plans.
    """
    content = read_json_file(file)
    if not isinstance(content, dict) or not isinstance(content.get("configurations"), dict):
        raise UserError(f"{file} holds no nnU-Net plans: it has no block 'configurations'")
    return content


def read_dataset_json(folder: Path) -> dict[str, Any]:
    """Read the ``dataset.json`` of a raw data set and see that nnU-Net can plan with it.

    Raises:
        UserError: When it is missing, no JSON, or lacks what nnU-Net needs.
    """
    file = folder / "dataset.json"
    content = read_json_file(file)
    entries = content if isinstance(content, dict) else {}
    kinds: dict[str, type] = {"channel_names": dict, "labels": dict, "numTraining": int, "file_ending": str}
    wrong = [key for key, kind in kinds.items() if not isinstance(entries.get(key), kind)]
    if wrong:
        raise UserError(f"{file} has no valid {', '.join(wrong)}: complete it as nnU-Net's dataset format demands")
    return entries


def read_json_file(file: Path) -> Any:
    """Read a JSON file that belongs to the user.

    Raises:
        UserError: When it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise UserError(f"{file} can't be read: {failure.strerror}") from failure
    except ValueError as failure:
        raise UserError(f"{file} is no valid JSON ({failure}): restore it or make it again") from failure


def configuration_from_plans(plans: dict[str, Any], configuration: str) -> dict[str, Any]:
    """Return one configuration of the plans with everything that it inherits, as nnU-Net resolves it.

    Args:
        plans: What ``read_plans`` gave; left unchanged.
        configuration: Its name, such as ``"3d_fullres"``.

    Raises:
        UserError: When it or one that it inherits from is unknown (with those that exist), or inheritance is a circle.

    Example:
        >>> plans = {"configurations": {"3d": {"batch_size": 2}, "quick": {"inherits_from": "3d", "epochs": 5}}}
        >>> configuration_from_plans(plans, "quick")
        {'batch_size': 2, 'inherits_from': '3d', 'epochs': 5}
    """
    resolved: dict[str, Any] = {}
    for link in reversed(inheritance(plans, configuration)):
        resolved.update(plans["configurations"][link])
    return resolved


def data_identifier(plan: dict[str, Any]) -> str:
    """Return the name of a configuration's preprocessed data.

    Args:
        plan: What ``configuration_from_plans`` gave.

    Raises:
        UserError: When it has none.
    """
    identifier = plan.get("data_identifier")
    if not isinstance(identifier, str):
        raise UserError(f"the plans have no valid data_identifier: {MAKE_PLANS}")
    return identifier


def inheritance(plans: dict[str, Any], configuration: str) -> list[str]:
    """Return the configuration's name, that of the one it inherits from, and so on.

    Raises:
        UserError: As in ``configuration_from_plans``.
    """
    known: dict[str, dict[str, Any]] = plans["configurations"]
    chain: list[str] = []
    name: str | None = configuration
    while name is not None:
        if name in chain:
            circle = " -> ".join([*chain, name])
            raise UserError(f"configuration {configuration}: inherits_from goes in a circle: {circle}")
        if name not in known:
            source = f", which {chain[-1]} inherits from," if chain else ""
            raise UserError(f"the plans have no configuration {name}{source}: {_there_is(list(known))}")
        if not isinstance(known[name], dict):
            raise UserError(f"the plans' configuration {name} is no block of entries: {MAKE_PLANS}")
        chain.append(name)
        name = known[name].get("inherits_from")
    return chain


def _dataset_folder(dataset: str | int, variable: FolderVariable, *, remedy: str) -> Path:
    parent = folder_from_environment(variable)
    name = dataset_name(dataset)
    folder = parent / name
    if not folder.is_dir():
        raise UserError(f"{name} is not in {variable} ({parent}): {remedy}")
    return folder


def _chosen(dataset: str | int, names: list[str]) -> str:
    text = str(dataset).strip()
    if text.isdecimal():
        fitting = [name for name in names if dataset_number(name) == int(text)]
    elif text.startswith("Dataset"):
        fitting = [name for name in names if name == text]
    else:
        raise UserError(f"data set {text!r}: expected a number such as 901 or a full name such as Dataset901_NPC")
    if not fitting:
        raise UserError(f"no data set {text} in nnU-Net's folders: {_there_is(names)}")
    if len(fitting) > 1:
        raise UserError(
            f"data set {text} is not unique in nnU-Net's folders: {', '.join(fitting)}; rename or remove all but one"
        )
    return fitting[0]


def _dataset_names_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if _DATASET_NAME.fullmatch(entry.name) and entry.is_dir())


def _holds_plans(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "configurations" in content


def _there_is(names: list[str]) -> str:
    return f"there is {', '.join(names)}" if names else "there is none"
