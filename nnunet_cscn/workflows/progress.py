"""Progress callbacks of workflows with several steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from nnunet_cscn.evaluation.case_pool import OnProgress

OnStepProgress: TypeAlias = Callable[[str, int, int], None]


def for_step(on_progress: OnStepProgress | None, step: str) -> OnProgress | None:
    """Return the progress callback of one step.

    Example:
        >>> for_step(print, "drawing")(1, 5)
        drawing 1 5
    """
    return None if on_progress is None else partial(on_progress, step)
