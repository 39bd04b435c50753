"""What stands for a finished training: a checkpoint and a summary that are whole, with nothing in them."""

from __future__ import annotations

import zipfile
from pathlib import Path

#: The same, for programs that stand in for nnUNetv2_train; ``folder`` is that of the fold.
PROGRAM = """
import zipfile
(folder / "validation").mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(folder / "checkpoint_final.pth", "w") as archive:
    archive.writestr("checkpoint_final/data.pkl", b"}.")
(folder / "validation" / "summary.json").write_text('{"foreground_mean": {}}')
"""


def write(folder: Path) -> None:
    """Write both into the folder of a fold."""
    (folder / "validation").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "checkpoint_final.pth", "w") as archive:
        archive.writestr("checkpoint_final/data.pkl", b"}.")
    (folder / "validation" / "summary.json").write_text('{"foreground_mean": {}}', encoding="utf-8")
