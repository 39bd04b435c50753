"""A stub of a finished training: a complete checkpoint and summary without content."""

from __future__ import annotations

import zipfile
from pathlib import Path

#: What nnU-Net writes after a validation of one case with one label, shortened.
SUMMARY = (
    '{"foreground_mean": {"Dice": 0.5}, '
    '"metric_per_case": [{"reference_file": "a.nii.gz", "metrics": {"1": {"Dice": 0.5}}}]}'
)

#: The same for stub programs of nnUNetv2_train. ``folder`` is the folder of the fold.
PROGRAM = f"""
import zipfile
(folder / "validation").mkdir(parents=True, exist_ok=True)
if not (folder / "checkpoint_final.pth").exists():
    with zipfile.ZipFile(folder / "checkpoint_final.pth", "w") as archive:
        archive.writestr("checkpoint_final/data.pkl", b"}}.")
        archive.writestr("checkpoint_final/version", b"3")
(folder / "validation" / "summary.json").write_text('{SUMMARY}')
"""


def write(folder: Path) -> None:
    """Write both files into the folder of a fold."""
    (folder / "validation").mkdir(parents=True, exist_ok=True)
    write_checkpoint(folder / "checkpoint_final.pth")
    (folder / "validation" / "summary.json").write_text(SUMMARY, encoding="utf-8")


def write_checkpoint(file: Path) -> None:
    """Write a complete checkpoint without content."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{file.stem}/data.pkl", b"}.")
        archive.writestr(f"{file.stem}/version", b"3")
