"""Options that the commands of the paper's experiment share."""

from __future__ import annotations

from typing import Annotated

import typer

Dataset = Annotated[str, typer.Argument(help="Data set, by number or name.")]
Configuration = Annotated[
    str, typer.Option("-c", "--configuration", help="Configuration that `cscn paper prepare` made.")
]
Budget = Annotated[
    float,
    typer.Option(
        help="Share of the paper's 50,000 iterations, such as 0.05; the learning rate falls as often. A configuration "
        "of its own name."
    ),
]
Methods = Annotated[
    str | None, typer.Option(metavar="LIST", show_default="all six", help="Methods, such as CSCN,V-Net.")
]
