"""Where commands write: ``-o FOLDER``, which was a positional argument before."""

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
    """Return the folder that was named as an option or, as before, as an argument; None for none.

    Raises:
        ArgumentError: When both were given.
    """
    if out is not None and old_out is not None:
        raise ArgumentError("out", f"expected one folder, got {out} and {old_out}")
    return out or old_out
