"""Work on cases a few at a time, so that a bad one never stops the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from nnunet_cscn.errors import ArgumentError, UserError

Result = TypeVar("Result")
OnProgress = Callable[[int, int], None]


def each_case(
    work: Mapping[str, Callable[[], Result]],
    *,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, Result], dict[str, str]]:
    """Do the work of every case in threads: unpacking, numpy and the KD-tree run outside Python's lock.

    Args:
        work: What to do for each case, by its name.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The results by case; and for the cases whose work ended in a ``UserError`` its text.

    Raises:
        ArgumentError: When ``workers`` is below 1.

    Example:
        >>> each_case({"a": lambda: 1, "b": lambda: 2}, workers=1)
        ({'a': 1, 'b': 2}, {})
    """
    at_once = available_processors() if workers is None else workers
    if at_once < 1:
        raise ArgumentError("workers", f"expected 1 or more, got {workers}")
    results: dict[str, Result] = {}
    problems: dict[str, str] = {}
    executor = ThreadPoolExecutor(at_once)
    try:
        futures = {executor.submit(do): case for case, do in work.items()}
        for done, future in enumerate(as_completed(futures), start=1):
            try:
                results[futures[future]] = future.result()
            except UserError as fault:
                problems[futures[future]] = str(fault)
            if on_progress is not None:
                on_progress(done, len(futures))
    finally:
        executor.shutdown(cancel_futures=True)
    return {case: results[case] for case in work if case in results}, problems


def available_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
