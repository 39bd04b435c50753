"""Options shared by the commands for evaluation."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.errors import UserError
from nnunet_cscn.metrics.empty_masks import EmptyDistance

Names = Annotated[
    str | None,
    typer.Option("--names", metavar="A,B", help="Names to show, in the same order.", show_default="from the paths"),
]
DatasetJson = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="nnU-Net dataset.json with label names, regions and the ignore label."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all results to this JSON file.")]
Tolerances = Annotated[
    str, typer.Option("--nsd", metavar="MM", help="Tolerances of the surface Dice (NSD) in mm, separated by commas.")
]
EmptyDistanceOption = Annotated[
    EmptyDistance,
    typer.Option(
        "--empty-distance",
        help="Surface distance to report when exactly one mask is empty: infinite, or the image diagonal.",
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Skip cases that cannot be evaluated, and report their number.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        show_default="one per CPU core",
        help="Number of cases processed in parallel.",
    ),
]


def tolerances_mm(text: str) -> list[float]:
    """Return the tolerances in ``--nsd``.

    Raises:
        UserError: When a tolerance is not a number of 0 or more.
    """
    try:
        found = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = [-1.0]
    if any(not (math.isfinite(tolerance) and tolerance >= 0) for tolerance in found):
        raise UserError(f"--nsd {text}: expected tolerances in mm separated by commas, such as 1,2,3")
    return found


def chosen_names(names: str | None, paths: Sequence[Path], *, reserved: Collection[str] = ()) -> list[str]:
    """Return the names in ``--names``, or names derived from the paths.

    Args:
        names: The value of ``--names``.
        paths: The paths to name.
        reserved: Names that have another meaning.

    Raises:
        UserError: When the number of names and paths differs, or a name is used twice, empty or reserved.
    """
    from nnunet_cscn.evaluation.methods import method_names

    chosen = [name.strip() for name in names.split(",")] if names is not None else method_names(paths)
    if len(chosen) != len(paths) or len(set(chosen)) != len(chosen) or not all(chosen) or set(reserved) & set(chosen):
        but = f", none of them {', '.join(sorted(reserved))}" if reserved else ""
        raise UserError(
            f"--names: expected {len(paths)} different names separated by commas{but}; got {', '.join(chosen)}"
        )
    return chosen
