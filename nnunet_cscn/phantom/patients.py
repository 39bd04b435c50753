"""Share heads out among training, test and folds, so that no head is on both sides."""

from __future__ import annotations

import numpy as np

from nnunet_cscn.errors import UserError
from nnunet_cscn.phantom.heads import HeadFile
from nnunet_cscn.phantom.settings import PhantomSettings

_TEST_SHARE = 0.25
_FOLDS = 5


def assign_heads(settings: PhantomSettings, heads: list[HeadFile]) -> list[HeadFile]:
    """Give each case its head, a quarter of the heads to the test cases alone.

    Args:
        settings: The data set.
        heads: All heads.

    Returns:
        The head of each case, training cases first.

    Raises:
        UserError: When there are too few heads to keep test heads apart.
    """
    order = np.random.default_rng([settings.seed, 2]).permutation(len(heads))
    held_out = max(1, round(_TEST_SHARE * len(heads))) if settings.test_cases else 0
    if len(heads) <= held_out:
        raise UserError(f"anatomy: {len(heads)} usable heads; training and test cases need two or more")
    test, training = order[:held_out], order[held_out:]
    numbers = [training[k % len(training)] for k in range(settings.cases)]
    numbers += [test[k % held_out] for k in range(settings.test_cases)]
    return [heads[k] for k in numbers]


def folds_by_patient(patients: dict[str, str]) -> list[dict[str, list[str]]]:
    """Make folds in nnU-Net's format with all cases of a patient on one side.

    Args:
        patients: Patient of each training case.

    Returns:
        Five folds, or as many as there are patients; none for a single patient, who can't be on both sides.

    Example:
        >>> folds_by_patient({"a0": "a", "b0": "b", "a1": "a"})[0]
        {'train': ['b0'], 'val': ['a0', 'a1']}
    """
    names = list(dict.fromkeys(patients.values()))
    if len(names) < 2:
        return []
    folds = []
    for fold in range(min(_FOLDS, len(names))):
        held_out = set(names[fold::_FOLDS])
        folds.append(
            {
                "train": sorted(case for case, patient in patients.items() if patient not in held_out),
                "val": sorted(case for case, patient in patients.items() if patient in held_out),
            }
        )
    return folds
