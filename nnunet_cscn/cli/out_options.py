"""The option ``-o FOLDER`` for the output. In earlier versions it was a positional argument."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.errors import ArgumentError

Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FOLDER", show_default="$nnUNet_raw", help="Folder for raw data sets."),
]
OldOut = Annotated[Path | None, typer.Argument(metavar="OUT", hidden=True)]


def chosen_out(out: Path | None, old_out: Path | None) -> Path | None:
    """Return the output folder, from the option or from the old positional argument. None if neither is given.

    Raises:
        ArgumentError: When both are given.
    """
    if out is not None and old_out is not None:
        raise ArgumentError("out", f"expected one folder, got {out} and {old_out}")
    return out or old_out
