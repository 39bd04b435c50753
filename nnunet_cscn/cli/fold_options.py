"""The option for folds: ``-f 0 1 2`` as in nnU-Net, or ``-f 0,1,2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnunet_cscn.cli.plain_usage import PlainUsageCommand
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


FoldsToExport = Annotated[
    list[str] | None,
    typer.Option(
        *FLAGS,
        metavar="FOLD ...",
        show_default="every trained fold",
        help="Folds to export, such as 0 1; or all: the model trained on all cases.",
    ),
]


class MultiFoldCommand(PlainUsageCommand):
    """A command whose option ``-f`` accepts several values, separated by spaces or commas."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``-f`` in front of each value."""
        spread: list[str] = []
        is_further = False  # a further value of -f
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
    """Return the folds of ``-f`` in ascending order, without duplicates. None if ``-f`` is not given.

    Raises:
        ArgumentError: When a value is not a number.
    """
    parts = _parts(texts)
    if wrong := [part for part in parts if not part.isdecimal()]:
        raise ArgumentError("folds", f"expected numbers such as 0 1 2, got {wrong[0]}")
    return sorted({int(part) for part in parts}) or None


def chosen_folds_or_all(texts: Sequence[str] | None) -> tuple[Fold, ...]:
    """Return the folds of ``-f`` in the given order, without duplicates. All five folds if ``-f`` is not given.

    Raises:
        ArgumentError: When a value is neither a number nor ``all``.
    """
    parts = _parts(texts)
    if wrong := [part for part in parts if not (part.isdecimal() or part == "all")]:
        raise ArgumentError("folds", f"expected numbers such as 0 1 2, or all, got {wrong[0]}")
    return tuple(part if part == "all" else int(part) for part in dict.fromkeys(parts)) or (0, 1, 2, 3, 4)


def chosen_training_folds(texts: Sequence[str] | None) -> tuple[Fold, ...] | None:
    """Return the folds of ``-f`` in ascending order, ``all`` last, without duplicates. None if ``-f`` is not given.

    Raises:
        ArgumentError: When a value is neither a number nor ``all``.
    """
    if not _parts(texts):
        return None
    return tuple(sorted(chosen_folds_or_all(texts), key=lambda fold: (isinstance(fold, str), fold)))


def _parts(texts: Sequence[str] | None) -> list[str]:
    return [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
