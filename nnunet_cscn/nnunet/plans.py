"""Read nnU-Net's plans and their configurations, without importing nnunetv2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError, available_names
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.folders import dataset_number, preprocessed_dataset
from nnunet_cscn.nnunet.plan_entries import check_entries

MAKE_PLANS = "make new plans with `nnUNetv2_plan_experiment` or `cscn plan`"


def plans_file(dataset: str | int, plans: str = "nnUNetPlans") -> Path:
    """Return the path of a plans file in the preprocessed data set.

    Args:
        dataset: The data set's number or name.
        plans: The plans' name, with or without ``.json``.

    Raises:
        UserError: If there is no such file, with a list of the existing plans.
    """
    folder = preprocessed_dataset(dataset)
    file = folder / f"{plans.removesuffix('.json')}.json"
    if not file.is_file():
        present = [path.stem for path in sorted(folder.glob("*.json")) if _holds_plans(path)]
        raise UserError(
            f"{folder.name} has no plans {file.stem}; {available_names(present)}; "
            "make plans with `nnUNetv2_plan_experiment` or `cscn plan`"
        )
    return file


def read_plans(dataset: str | int, plans: str = "nnUNetPlans") -> dict[str, Any]:
    """Read a plans file of the preprocessed data set.

    Raises:
        UserError: If it is missing or contains no plans.
    """
    return read_plans_file(plans_file(dataset, plans))


def read_plans_file(file: Path) -> dict[str, Any]:
    """Read plans from ``file``, such as the ``plans.json`` of a model folder.

    Raises:
        UserError: If it is missing or contains no plans.
    """
    content = read_json_file(file)
    if not isinstance(content, dict) or not isinstance(content.get("configurations"), dict):
        raise UserError(f"{file} contains no nnU-Net plans: the block 'configurations' is missing")
    return content


def configuration_from_plans(plans: dict[str, Any], configuration: str) -> dict[str, Any]:
    """Return one configuration of the plans with all inherited entries, as nnU-Net resolves them.

    Args:
        plans: Result of ``read_plans``. They are not changed.
        configuration: Name of the configuration, such as ``"3d_fullres"``.

    Raises:
        UserError: If a configuration is unknown (with a list of the existing ones), inheritance is circular, or an
            entry has another type than nnU-Net writes.

    Example:
        >>> plans = {"configurations": {"3d": {"batch_size": 2}, "quick": {"inherits_from": "3d", "epochs": 5}}}
        >>> configuration_from_plans(plans, "quick")
        {'batch_size': 2, 'inherits_from': '3d', 'epochs': 5}
    """
    resolved: dict[str, Any] = {}
    for link in reversed(inheritance(plans, configuration)):
        resolved.update(plans["configurations"][link])
    check_entries(configuration, resolved, MAKE_PLANS)
    return resolved


def inheritance(plans: dict[str, Any], configuration: str) -> list[str]:
    """Return the name of the configuration, then that of the one from which it inherits, and so on.

    Raises:
        UserError: As in ``configuration_from_plans``.
    """
    known: dict[str, dict[str, Any]] = plans["configurations"]
    chain: list[str] = []
    name: Any = configuration
    while name is not None:
        if name in chain:
            circle = " -> ".join([*chain, name])
            raise UserError(f"configuration {configuration}: inherits_from is circular: {circle}; correct the plans")
        if not isinstance(name, str) or name not in known:
            source = f" (the parent of {chain[-1]})" if chain else ""
            raise UserError(f"the plans have no configuration {name}{source}; {available_names(list(known))}")
        if not isinstance(known[name], dict):
            raise UserError(f"the configuration {name} of the plans is not valid: {MAKE_PLANS}")
        chain.append(name)
        name = known[name].get("inherits_from")
    return chain


def data_identifier(plan: dict[str, Any]) -> str:
    """Return the name of a configuration's preprocessed data.

    Args:
        plan: Result of ``configuration_from_plans``.

    Raises:
        UserError: If it has no valid name.
    """
    identifier = plan.get("data_identifier")
    if not isinstance(identifier, str):
        raise UserError(f"the plans have no valid data_identifier: {MAKE_PLANS}")
    return identifier


def preprocessed_data(dataset: str, plans: str, configuration: str) -> Path:
    """Return the folder of a configuration's preprocessed cases.

    Args:
        dataset: The data set's folder name.
        plans: The plans' name.
        configuration: The configuration's name.

    Raises:
        UserError: If it does not exist, or the plans do not name it.
    """
    plan = configuration_from_plans(read_plans(dataset, plans), configuration)
    folder = preprocessed_dataset(dataset) / data_identifier(plan)
    if not folder.is_dir():
        raise UserError(
            f"{folder} is missing: run `nnUNetv2_preprocess -d {dataset_number(dataset)} -plans_name {plans} "
            f"-c {configuration}` first"
        )
    return folder


def _holds_plans(file: Path) -> bool:
    try:
        content = read_json_file(file)
    except UserError:
        return False
    return isinstance(content, dict) and "configurations" in content
