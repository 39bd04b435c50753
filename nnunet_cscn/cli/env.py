"""``cscn env``: the line of shell that makes nnU-Net find the trainers."""

from __future__ import annotations

import typer

from nnunet_cscn.nnunet.discovery import shell_line


def env() -> None:
    """Print the variable by which nnU-Net finds the trainers.

    Needed only where importing torch does not set it, as doctor tells.

    Example: eval "$(cscn env)"
    """
    typer.echo(shell_line())
