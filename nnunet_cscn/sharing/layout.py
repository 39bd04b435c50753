"""Where the parts of a trained model stand in nnU-Net's results, and in an archive of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

MANIFEST = "cscn_model.json"

DATASET = re.compile(r"Dataset\d{3,}_\w[\w.+-]*")
MODEL = re.compile(r"[A-Za-z_]\w*__[\w.+-]+__[\w.+-]+")

#: Endings of the files that nnU-Net and we put beside a model.
ENDINGS = (
    *(".json", ".pth", ".safetensors", ".pkl", ".txt", ".md", ".csv", ".html"),
    *(".png", ".pdf", ".nii.gz", ".nii", ".nrrd", ".mha", ".tif"),
)
_LEFTOVERS = ("__MACOSX", ".DS_Store", "Thumbs.db")


def belongs(name: str) -> bool:
    """Tell whether a path in an archive is a part of a model.

    Example:
        >>> belongs("Dataset901_NPC/CSCNTrainer__nnUNetPlans__3d_fullres/plans.json")
        True
        >>> belongs("Dataset901_NPC/run_me.sh"), belongs("__MACOSX/plans.json")
        (False, False)
    """
    parts = PurePosixPath(name).parts
    return name.endswith(ENDINGS) and not any(part in _LEFTOVERS or part.startswith("._") for part in parts)


def model_folders(root: Path) -> list[Path]:
    """Return the folders of trained models in a folder: itself, or those in it or in its data sets.

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
    """Return what stands for a fold, such as ``0`` or ``all``."""
    return folder.name.removeprefix("fold_")


def fold_folders(model: Path) -> list[Path]:
    """Return the folders of a model's folds, in their order."""
    found = (folder for folder in model.glob("fold_*") if folder.is_dir())
    return sorted(found, key=lambda folder: (len(folder.name), folder.name))
