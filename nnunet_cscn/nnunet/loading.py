"""Let nnU-Net load a trained model, once it is sure that nothing foreign runs while it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.architectures import foreign_names
from nnunet_cscn.nnunet.checkpoint_files import ForeignCode, refusal, trusts_all
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.plans import read_plans_file


def load_trained(
    predictor: Any, folder: Path, folds: Sequence[int | str], checkpoint: str, *, trust: bool | None = None
) -> None:
    """Load trained folds into nnU-Net's predictor.

    nnU-Net unpickles whatever stands in a checkpoint, and imports whatever stands in the plans.

    Args:
        predictor: nnU-Net's, still empty.
        folder: nnU-Net's folder of the model.
        folds: The folds that predict together.
        checkpoint: The checkpoint's name.
        trust: Whether checkpoints and plans may run code of their own; None for what ``CSCN_TRUST`` says.

    Raises:
        ForeignCode: When a checkpoint or the plans would run code that is none of nnU-Net's.
        UserError: When a checkpoint or the plans are damaged.
    """
    files = [folder / f"fold_{fold}" / checkpoint for fold in folds]
    is_trusted = trusts_all() if trust is None else trust
    if not is_trusted:
        check_plans(folder / "plans.json")
        for file in files:
            read_checkpoint(file, trust=False)
    try:
        predictor.initialize_from_trained_model_folder(str(folder), tuple(folds), checkpoint)
    except UserError:
        raise
    except Exception:
        for file in files:
            read_checkpoint(file, trust=is_trusted)  # tells in a sentence which one is damaged
        raise


def check_plans(file: Path) -> None:
    """See that plans name nothing to import but networks.

    Raises:
        ForeignCode: When they do, with the names.
        UserError: When the file holds no plans.
    """
    if foreign := foreign_names(read_plans_file(file)):
        raise ForeignCode(refusal(file, foreign))
