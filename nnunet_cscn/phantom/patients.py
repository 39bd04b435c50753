"""Assign heads to training cases, test cases and folds, so that no head is in two parts."""

from __future__ import annotations

import numpy as np

from nnunet_cscn.errors import UserError
from nnunet_cscn.phantom.heads import HeadFile
from nnunet_cscn.phantom.settings import PhantomSettings

_TEST_SHARE = 0.25


def assign_heads(settings: PhantomSettings, heads: list[HeadFile]) -> list[HeadFile]:
    """Assign a head to each case. A quarter of the heads is used only for test cases.

    Args:
        settings: Settings of the data set.
        heads: All heads.

    Returns:
        The head of each case. Training cases come first.

    Raises:
        UserError: When there are too few heads for separate training and test heads.
    """
    order = np.random.default_rng([settings.seed, 2]).permutation(len(heads))
    held_out = max(1, round(_TEST_SHARE * len(heads))) if settings.test_cases else 0
    if len(heads) <= held_out:
        raise UserError(f"anatomy: found {len(heads)} usable heads; expected at least two, for training and test cases")
    test, training = order[:held_out], order[held_out:]
    numbers = [training[k % len(training)] for k in range(settings.cases)]
    numbers += [test[k % held_out] for k in range(settings.test_cases)]
    return [heads[k] for k in numbers]
