"""Process several cases at the same time. If one case fails, the others continue."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from nnunet_cscn.errors import ArgumentError, UserError

Result = TypeVar("Result")
OnProgress = Callable[[int, int], None]


def process_cases(
    work: Mapping[str, Callable[[], Result]],
    *,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, Result], dict[str, str]]:
    """Process each case in a thread.

    Threads are enough: decompression, numpy and the KD-tree release Python's global interpreter lock.

    Args:
        work: For each case name, the function to call.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The result of each case, and the error message of each case that raised a ``UserError``.

    Raises:
        ArgumentError: When ``workers`` is below 1.

    Example:
        >>> process_cases({"a": lambda: 1, "b": lambda: 2}, workers=1)
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
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
