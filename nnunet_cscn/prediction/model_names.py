"""What a trained model is called in the files that it makes."""

from __future__ import annotations

from pathlib import Path

from nnunet_cscn.files import read_json_file

LONGEST_SHORT_NAME = 16  # characters, as DICOM's StructureSetLabel has them


def long_name(folder: Path) -> str:
    """Return what tells people which model it is: data set, trainer, plans and configuration.

    Args:
        folder: nnU-Net's folder of the model.

    Raises:
        UserError: When its plans cannot be read.

    Example:
        >>> long_name(Path("CSCNTrainer__nnUNetPlans__3d_fullres"))
        'CSCNTrainer nnUNetPlans 3d_fullres'
    """
    return " ".join(filter(None, [_dataset_name(folder), *folder.name.split("__")]))


def short_name(folder: Path) -> str:
    """Return the same in at most 16 characters: the number of the data set, and the trainer.

    Args:
        folder: nnU-Net's folder of the model.

    Raises:
        UserError: When its plans cannot be read.

    Example:
        >>> short_name(Path("CSCNStagedTrainer_250epochs__nnUNetPlans__3d_fullres"))
        'CSCNStaged_250ep'
    """
    number = _dataset_name(folder).removeprefix("Dataset").partition("_")[0]
    trainer = folder.name.partition("__")[0].replace("Trainer", "")
    name = " ".join(filter(None, [f"D{number}" if number.isdecimal() else "", trainer]))
    return name[:LONGEST_SHORT_NAME].rstrip(" _-")


def _dataset_name(folder: Path) -> str:
    """The data set that a model was trained on, such as ``Dataset950_NPC``; empty where its plans do not say."""
    file = folder / "plans.json"
    content = read_json_file(file) if file.is_file() else {}
    name = content.get("dataset_name") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""
