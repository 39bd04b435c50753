"""Check that preprocessed cases have no other labels than the data set."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from nnunet_cscn.errors import UserError

_OUTSIDE = -1  # nnU-Net's value outside of the non-zero region
_MOST_NAMED = 10


def check_known_labels(data_sets: Iterable[Any], known: Collection[int], *, n_threads: int) -> None:
    """Check all segmentations before a training. The loss would stop in the middle of it, without the case's name.

    Args:
        data_sets: nnU-Net's preprocessed cases.
        known: Values of the labels in the dataset.json, with the background and the ignore label.
        n_threads: Number of cases read in parallel.

    Raises:
        UserError: If cases have other labels, or cannot be read. The message names them.
    """
    allowed = np.array(sorted({*known, 0, _OUTSIDE}))

    def problem(cases: Any, case: str) -> str | None:
        try:
            present = np.unique(np.asarray(cases.load_case(case)[1][:]))
        except Exception as fault:  # the library behind each format has its own types
            return f"cannot be read ({type(fault).__name__})"
        unknown = present[~np.isin(present, allowed)]
        return f"has {', '.join(f'{value:g}' for value in unknown[:_MOST_NAMED])}" if unknown.size else None

    with ThreadPoolExecutor(max_workers=max(1, n_threads)) as pool:
        jobs = {case: pool.submit(problem, cases, case) for cases in data_sets for case in cases.identifiers}
        problems = {case: found for case, job in sorted(jobs.items()) if (found := job.result()) is not None}
    if problems:
        named = "; ".join(f"{case} {found}" for case, found in list(problems.items())[:_MOST_NAMED])
        others = f" and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        raise UserError(
            f"{len(problems)} preprocessed cases have labels that dataset.json does not name, or are damaged: "
            f"{named}{others}; correct their label maps or the dataset.json, and preprocess again"
        )
