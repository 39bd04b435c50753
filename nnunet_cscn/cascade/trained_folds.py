"""Check that trained folds of stage two learned from the present stage-one maps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nnunet_cscn.cascade.manifest import Manifest
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of


def check_trained_on_maps(folds: Iterable[Path], manifest: Manifest) -> None:
    """Check that all started or finished folds of stage two were trained on the present stage-one maps.

    Args:
        folds: Fold folders of stage two. Folders without a checkpoint are skipped.
        manifest: Manifest of the present maps.

    Raises:
        UserError: If some were trained on other maps, with the folders to delete.
    """
    stale = []
    for fold in folds:
        for name in ("checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth"):
            if (fold / name).is_file():
                if record_of(read_checkpoint(fold / name)).get("stage_one") != manifest.checkpoint_hashes:
                    stale.append(str(fold))
                break
    if stale:
        raise UserError(
            "the stage-one probability maps changed after these trainings started; delete or move these folders and "
            "run the command again:\n  " + "\n  ".join(stale)
        )
