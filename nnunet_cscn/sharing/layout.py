"""The files of trained models in nnU-Net's results and in archives."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

MANIFEST = "cscn_model.json"

DATASET = re.compile(r"Dataset\d{3,}_\w[\w.+-]*")
MODEL = re.compile(r"[A-Za-z_]\w*__[\w.+-]+__[\w.+-]+")

#: Endings of the files in a model folder.
ENDINGS = (
    *(".json", ".pth", ".safetensors", ".pkl", ".txt", ".md", ".csv", ".html"),
    *(".png", ".pdf", ".nii.gz", ".nii", ".nrrd", ".mha", ".tif"),
)
_LEFTOVERS = ("__MACOSX", ".DS_Store", "Thumbs.db")


def belongs(name: str) -> bool:
    """Return whether a path in an archive is part of a model.

    Example:
        >>> belongs("Dataset901_NPC/CSCNTrainer__nnUNetPlans__3d_fullres/plans.json")
        True
        >>> belongs("Dataset901_NPC/run_me.sh"), belongs("__MACOSX/plans.json")
        (False, False)
    """
    parts = PurePosixPath(name).parts
    return name.endswith(ENDINGS) and not any(part in _LEFTOVERS or part.startswith("._") for part in parts)


def model_folders(root: Path) -> list[Path]:
    """Return the model folders in a folder: the folder itself, or folders up to two levels below.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> folder = root / "Dataset901_NPC" / "CSCNTrainer__nnUNetPlans__3d_fullres"
        >>> folder.mkdir(parents=True)
        >>> _ = (folder / "plans.json").write_text("{}")
        >>> [found.name for found in model_folders(root)]
        ['CSCNTrainer__nnUNetPlans__3d_fullres']
    """
    candidates: Iterable[Path] = (root, *root.glob("*"), *root.glob("*/*"))
    return sorted(folder for folder in candidates if folder.is_dir() and (folder / "plans.json").is_file())


def fold_name(folder: Path) -> str:
    """Return the name of a fold, such as ``0`` or ``all``."""
    return folder.name.removeprefix("fold_")


def fold_folders(model: Path) -> list[Path]:
    """Return the fold folders of a model in their order."""
    found = (folder for folder in model.glob("fold_*") if folder.is_dir())
    return sorted(found, key=lambda folder: (len(folder.name), folder.name))
