"""How work of several steps says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from nnunet_cscn.evaluation.case_pool import OnProgress

OnStepProgress: TypeAlias = Callable[[str, int, int], None]


def of_step(on_progress: OnStepProgress | None, step: str) -> OnProgress | None:
    """Return what one step calls with what is done and its whole.

    Example:
        >>> of_step(print, "drawing")(1, 5)
        drawing 1 5
    """
    return None if on_progress is None else partial(on_progress, step)
