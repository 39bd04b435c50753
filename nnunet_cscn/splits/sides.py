"""Check the lists of cases of one fold: none is empty, and no case is named twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import first_names

TRAINING = "training"
TO_TRAIN_ON_ALL = "add some, or choose fold all to train on all cases"


def check_sides(file: Path, fold: str, sides: Mapping[str, Sequence[str]], remedy: str = TO_TRAIN_ON_ALL) -> None:
    """Check that every list of a fold has cases, and that each case stands in one list, once.

    Only training cases may stand in their list several times: they are then drawn more often.

    Args:
        file: The file of the folds, for messages.
        fold: Name of the fold, such as ``fold 0``.
        sides: The cases of each list, by its name, such as ``training`` and ``validation``.
        remedy: What to do about an empty list.

    Raises:
        UserError: If this is not the case.
    """
    for name, cases in sides.items():
        # nnU-Net draws batches from both lists and stops with a traceback where one is empty. Its own way to train
        # without validation cases is fold all, so an empty list is never what somebody wanted.
        if not cases:
            raise UserError(f"{file}: {fold} has no {name} cases: {remedy}")
        repeated = [] if name == TRAINING else [case for case, count in Counter(cases).items() if count > 1]
        if twice := sorted(repeated):
            raise UserError(
                f"{file}: {fold} lists these {name} cases more than once: {first_names(twice)}; name each once"
            )
    for (first, cases), (second, others) in combinations(sides.items(), 2):
        if shared := sorted(set(cases) & set(others)):
            raise UserError(
                f"{file}: {fold} has these cases in its {first} and {second} sets: {first_names(shared)}; remove "
                "them from one set, because scores of cases that were trained on say nothing about new ones"
            )


def check_known_cases(file: Path, fold: str, listed: Collection[str], known: Collection[str]) -> None:
    """Check that the data set has the cases of a fold.

    Args:
        file: The file of the folds, for messages.
        fold: Name of the fold, such as ``fold 0``.
        listed: The cases of the fold.
        known: The preprocessed cases of the data set.

    Raises:
        UserError: If cases are unknown.
    """
    if unknown := sorted(set(listed) - set(known)):
        raise UserError(
            f"{file}: {fold} lists cases that are not preprocessed: {first_names(unknown)}; correct their names "
            "(without file ending), or preprocess the data set again"
        )
