"""Call one function with many arguments, in this process or in several processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from nnunet_cscn.guard import KILL, die_with

Result = TypeVar("Result")


@contextlib.contextmanager
def process_pool(processes: int) -> Iterator[Executor | None]:
    """Yield an executor with ``processes`` processes, or None for a single process.

    If an exception ends the block, jobs that have not started are cancelled.
    """
    if processes <= 1:
        yield None
        return
    # a fork could copy the thread of the progress display in an inconsistent state
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=die_with, initargs=(os.getpid(), KILL))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def run_all(
    pool: Executor | None, function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[Result]:
    """Yield the results in the order in which they finish.

    Example:
        >>> list(run_all(None, max, [(1, 2), (4, 3)]))
        [2, 4]
    """
    if pool is None:
        for one in arguments:
            yield function(*one)
        return
    for job in as_completed([pool.submit(function, *one) for one in arguments]):
        yield job.result()
