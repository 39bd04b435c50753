"""The manifest of a synthetic data set: the settings with which it was made."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.phantom.heads import find_label_maps
from nnunet_cscn.phantom.settings import PhantomSettings

GENERATOR_VERSION = 1  # increase it when the same settings no longer give the same voxels
MANIFEST = "phantom.json"


def manifest(settings: PhantomSettings) -> dict[str, Any]:
    """Return everything on which the voxels depend: generator version, settings, and name and size of the label maps.

    Raises:
        UserError: When the folder of label maps does not exist or is empty.
    """
    values = dataclasses.asdict(settings)
    del values["anatomy"]
    heads = [] if settings.anatomy is None else find_label_maps(settings.anatomy)
    return {
        "generator_version": GENERATOR_VERSION,
        "settings": values | {"slices": list(settings.slices), "spacing_mm": list(settings.spacing_mm)},
        "heads": {path.name: path.stat().st_size for path in heads},
    }


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a data set. None if there is none."""
    try:
        content = read_json_file(folder / MANIFEST)
    except UserError:
        return None
    return content if isinstance(content, dict) else None


def is_complete(raw: Path, settings: PhantomSettings) -> bool:
    """Return whether ``raw`` already contains the data set with these settings.

    Raises:
        UserError: When the folder of label maps does not exist or is empty.
    """
    there = read_manifest(raw / settings.folder_name) or {}
    wanted = manifest(settings)
    return {key: there.get(key) for key in wanted} == wanted
