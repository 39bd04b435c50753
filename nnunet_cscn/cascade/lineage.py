"""Whether trainings of stage two stand on the stage one of now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nnunet_cscn.cascade.manifest import Manifest
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of


def check_lineage(folds: Iterable[Path], manifest: Manifest) -> None:
    """See that what is trained already, in whole or in part, learned from the maps of now.

    Args:
        folds: Folders of stage two's folds; those without a checkpoint are passed over.
        manifest: The maps of now.

    Raises:
        UserError: With the folders that have to go.
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
