"""Find the class of a trainer by its name."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.trainer import trainer_named


def find_trainer(name: str) -> Any | None:
    """Return the trainer class of this name; None if nnU-Net cannot find it."""
    ensure_registered()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints where it searches
            return trainer_named(name)
    except RuntimeError:
        return None
