"""How commands are told the folds: ``-f 0 1 2``, as nnU-Net's, or ``-f 0,1,2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from nnunet_cscn.errors import ArgumentError

if TYPE_CHECKING:
    from nnunet_cscn.prediction.predictor import Fold

FLAGS = ("-f", "--folds")

Folds = Annotated[
    list[str] | None,
    typer.Option(*FLAGS, metavar="FOLD ...", show_default="0 1 2 3 4", help="Folds to use, such as 0 1."),
]
FoldsOrAll = Annotated[
    list[str] | None,
    typer.Option(
        *FLAGS,
        metavar="FOLD ...",
        show_default="0 1 2 3 4",
        help="Folds to use, such as 0 1; or all: the model trained on all cases.",
    ),
]
FoldsToTrain = Annotated[
    list[str] | None,
    typer.Option(
        *FLAGS,
        metavar="FOLD ...",
        show_default="every fold",
        help="Folds to train, such as 0 1; or all: one model on all cases.",
    ),
]


class ManyFolds(TyperCommand):
    """A command whose ``-f`` takes several values, with spaces or commas between them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give each value a ``-f`` of its own."""
        spread: list[str] = []
        is_further = False  # a value behind the first one of -f
        for index, argument in enumerate(args):
            if argument.startswith("-"):
                is_further = False
            elif is_further:
                spread.append("-f")
            elif index and args[index - 1] in FLAGS:
                is_further = True
            spread.append(argument)
        return super().parse_args(ctx, spread)


def chosen_folds(texts: Sequence[str] | None) -> list[int] | None:
    """Return the folds that ``-f`` names, each once and in order; None where it is not given.

    Raises:
        ArgumentError: For something else than numbers.
    """
    parts = _parts(texts)
    if wrong := [part for part in parts if not part.isdecimal()]:
        raise ArgumentError("folds", f"expected numbers such as 0 1 2, got {wrong[0]}")
    return sorted({int(part) for part in parts}) or None


def chosen_folds_or_all(texts: Sequence[str] | None) -> tuple[Fold, ...]:
    """Return the folds that ``-f`` names, each once and as given; all five where it is not given.

    Raises:
        ArgumentError: For something else than numbers and ``all``.
    """
    parts = _parts(texts)
    if wrong := [part for part in parts if not (part.isdecimal() or part == "all")]:
        raise ArgumentError("folds", f"expected numbers such as 0 1 2, or all, got {wrong[0]}")
    return tuple(part if part == "all" else int(part) for part in dict.fromkeys(parts)) or (0, 1, 2, 3, 4)


def chosen_training_folds(texts: Sequence[str] | None) -> tuple[Fold, ...] | None:
    """Return the folds that ``-f`` names, each once and in order, ``all`` last; None where it is not given.

    Raises:
        ArgumentError: For something else than numbers and ``all``.
    """
    if not _parts(texts):
        return None
    return tuple(sorted(chosen_folds_or_all(texts), key=lambda fold: (isinstance(fold, str), fold)))


def _parts(texts: Sequence[str] | None) -> list[str]:
    return [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
