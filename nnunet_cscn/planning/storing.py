"""Write configurations into a plans file without changing those with which models were trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.folders import models_trained_with
from nnunet_cscn.nnunet.plans import inheritance

NNUNET_CONFIGURATIONS = (
    "2d",
    "3d_fullres",
    "3d_lowres",
    "3d_cascade_fullres",
)  # nnU-Net's commands treat these names specially
LONGEST_NAME = 100  # bytes; a folder name of a model also has the trainer and the plans, and may have 255


def check_configuration_name(name: str) -> None:
    """Check that a name is allowed for a new configuration.

    Raises:
        UserError: If it is not allowed.
    """
    if not name.replace("_", "").replace("-", "").isalnum() or "__" in name:
        raise UserError(f"{name}: use only letters, digits, - and single _, because the name is part of a folder name")
    if len(name.encode()) > LONGEST_NAME:
        raise UserError(
            f"{name[:20]}...: use at most {LONGEST_NAME} letters, because the name is part of a folder name"
        )
    if name in NNUNET_CONFIGURATIONS:
        raise UserError(f"{name} is a configuration made by nnU-Net's planner: choose another name")


def store_configuration(
    file: Path, plans: dict[str, Any], name: str, entry: dict[str, Any], *, overwrite: bool
) -> bool:
    """Write a configuration into a plans file.

    Args:
        file: The plans file.
        plans: Content of the plans file.
        name: The configuration's name.
        entry: The configuration.
        overwrite: Whether to replace an existing configuration of this name.

    Returns:
        Whether the file was changed; False if it already contained the same configuration.

    Raises:
        UserError: If a different configuration exists and must not be replaced, or models were trained with it.
    """
    existing = plans["configurations"].get(name)
    if existing == entry:
        return False
    if existing is not None:
        _check_overwrite(file, plans, name, overwrite=overwrite)
    plans["configurations"][name] = entry
    write_json(file, plans)
    return True


def _check_overwrite(file: Path, plans: dict[str, Any], name: str, *, overwrite: bool) -> None:
    if not overwrite:
        raise UserError(
            f"{name} already exists in {file} with different settings: choose another name or add overwrite=True"
        )
    for heir in plans["configurations"]:
        if name in inheritance(plans, heir) and (trained := models_trained_with(file.parent.name, file.stem, heir)):
            raise UserError(
                f"{trained[0]} was trained with {name}, so this configuration must not change: choose another name or "
                "delete that folder"
            )
