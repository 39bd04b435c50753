"""The folds of nnU-Net's cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import counted

NNUNETS_FOLDS = 5
NNUNETS_SEED = 12345


def nnunets_folds(dataset: str, cases: Sequence[str]) -> list[dict[str, list[str]]]:
    """Return the five folds that nnU-Net makes where a data set has none.

    Args:
        dataset: The folder name of the data set, for the message.
        cases: The names of all preprocessed cases.

    Raises:
        UserError: When there are fewer cases than folds.
    """
    check_enough_cases(dataset, cases)
    from nnunet_cscn.nnunet.datasets import generate_crossval_split

    folds: list[dict[str, list[str]]] = generate_crossval_split(
        sorted(cases), seed=NNUNETS_SEED, n_splits=NNUNETS_FOLDS
    )
    return folds


def check_enough_cases(dataset: str, cases: Sequence[str]) -> None:
    """Check that nnU-Net can make its folds.

    Raises:
        UserError: When there are fewer cases than folds.
    """
    if len(cases) < NNUNETS_FOLDS:
        raise UserError(
            f"{dataset} has {counted(len(cases), 'preprocessed case')}, too few for the {NNUNETS_FOLDS} folds of "
            "nnU-Net: train on all cases (fold all), add cases, or write a splits_final.json with fewer folds"
        )
