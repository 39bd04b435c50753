"""Run one function over many arguments, in this process or in several."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from nnunet_cscn.processes import die_with

Result = TypeVar("Result")


@contextlib.contextmanager
def workers(processes: int) -> Iterator[Executor | None]:
    """Yield an executor of ``processes`` processes, or nothing where one is enough.

    When the block is left by an exception, what has not begun is given up.
    """
    if processes <= 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the progress display's thread in mid-step
    pool = ProcessPoolExecutor(processes, context, initializer=die_with, initargs=(os.getpid(),))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def results(
    pool: Executor | None, function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[Result]:
    """Yield the results as they come, in any order.

    Example:
        >>> list(results(None, max, [(1, 2), (4, 3)]))
        [2, 4]
    """
    if pool is None:
        for one in arguments:
            yield function(*one)
        return
    for job in as_completed([pool.submit(function, *one) for one in arguments]):
        yield job.result()
