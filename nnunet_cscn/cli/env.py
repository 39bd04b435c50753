"""``cscn env``: print the shell line with which nnU-Net finds the trainers."""

from __future__ import annotations

from nnunet_cscn.cli.app import console
from nnunet_cscn.nnunet.discovery import shell_line


def env() -> None:
    """Print the shell line that sets the variable with which nnU-Net finds the trainers.

    You need it only if `cscn doctor` says so: normally the import of torch sets
    this variable.

    Example: eval "$(cscn env)"
    """
    console.print(shell_line(), soft_wrap=True, markup=False, highlight=False)
