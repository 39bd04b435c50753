"""What a synthetic data set was made from, so that the same one is not made twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from nnunet_cscn.phantom.heads import find_label_maps
from nnunet_cscn.phantom.settings import PhantomSettings

GENERATOR_VERSION = 1  # raise it whenever the same settings no longer give the same voxels
MANIFEST = "phantom.json"


def manifest(settings: PhantomSettings) -> dict[str, Any]:
    """Describe what makes the voxels: generator, settings, and the label maps by name and size.

    Raises:
        UserError: When the folder of label maps is not there or empty.
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
    """Read the manifest of a data set's folder; nothing where there is none."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None


def is_complete(raw: Path, settings: PhantomSettings) -> bool:
    """Whether the data set of these settings is in ``raw`` already.

    Raises:
        UserError: When the folder of label maps is not there or empty.
    """
    there = read_manifest(raw / settings.folder_name) or {}
    wanted = manifest(settings)
    return {key: there.get(key) for key in wanted} == wanted
