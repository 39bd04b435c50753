"""The curves of trainings: read them, and draw several into one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.protocol.epochs import FILE, Row, read_epochs

CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth")
_LOGGED = {
    "learning_rate": "lrs",
    "training_loss": "train_losses",
    "validation_loss": "val_losses",
    "dsc": "mean_fg_dice",
    "dsc_moving_average": "ema_fg_dice",
}
"""The list in nnU-Net's log for each column."""


@dataclass(frozen=True)
class TrainingCurves:
    """Curves that were drawn.

    Attributes:
        file: The picture.
        runs: The epochs of each run, by its name.
    """

    file: Path
    runs: dict[str, list[Row]]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers for a JSON file; what is not finite becomes null."""
        finite = {
            name: [{key: value if abs(value) < float("inf") else None for key, value in row.items()} for row in rows]
            for name, rows in self.runs.items()
        }
        return {"picture": str(self.file), "runs": finite}


def draw_curves(runs: Sequence[str | Path], out: str | Path = "curves.png") -> TrainingCurves:
    """Draw DSC, losses and learning rate of several trainings into one picture.

    Trainings of nnU-Net's own trainers can be drawn too: their curves are read from the checkpoints.

    Args:
        runs: Folders of folds, or of models, of which all folds are drawn.
        out: The picture, ``*.png``, ``*.svg`` or ``*.pdf``.

    Raises:
        UserError: When a folder has no training with a finished epoch, or the ending of ``out`` is another one.

    Example:
        >>> model = "results/Dataset901_NPC/CSCNTrainer__nnUNetPlans__3d_fullres"
        >>> list(draw_curves([model], "curves.png").runs)  # doctest: +SKIP
        ['fold_0', 'fold_1']
    """
    from nnunet_cscn.report.training_curves import PICTURES, draw_training_curves

    file = Path(out)
    if file.suffix not in PICTURES:
        raise ArgumentError("out", f"expected a file that ends with {', '.join(PICTURES)}, got {out}")
    if not runs:
        raise ArgumentError("runs", "expected at least one folder of a training")
    folders = [fold for run in runs for fold in _folds(Path(run))]
    found = dict(zip(_short_names(folders), map(_epochs, folders), strict=True))
    draw_training_curves(found, file)
    return TrainingCurves(file, found)


def _folds(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ArgumentError("runs", f"folder not found: {folder}")
    folds = sorted(fold for fold in folder.glob("fold_*") if fold.is_dir())
    return [fold.resolve() for fold in folds or [folder]]


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return the ends of the paths, as long as they have to be to tell them apart."""
    parts = [folder.parts for folder in folders]
    n_same = 0
    while len({path[: n_same + 1] for path in parts}) == 1 and all(len(path) > n_same + 1 for path in parts):
        n_same += 1
    return ["/".join(path[n_same:]) for path in parts]


def _epochs(folder: Path) -> list[Row]:
    if (folder / FILE).is_file() and (rows := read_epochs(folder / FILE)):
        return rows
    for name in CHECKPOINTS:
        if (folder / name).is_file() and (rows := _epochs_in(folder / name)):
            return rows
    raise UserError(f"{folder} has no training with a finished epoch: give the folder of a fold, such as MODEL/fold_0")


def _epochs_in(checkpoint: Path) -> list[Row]:
    """Return what nnU-Net logged."""
    from nnunet_cscn.nnunet.checkpoints import read_checkpoint

    log = read_checkpoint(checkpoint).get("logging") or {}
    try:
        columns = {column: log.get(key, []) for column, key in _LOGGED.items()}
        n_epochs = min(map(len, columns.values()))
        return [
            {"epoch": float(epoch), **{name: float(values[epoch]) for name, values in columns.items()}}
            for epoch in range(n_epochs)
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{checkpoint} has no valid log of its epochs: restore it or train again") from None
