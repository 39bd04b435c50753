"""Tell nnU-Net where our trainers are: the only place that knows the variable ``nnUNet_extTrainer``.

torch calls ``register`` when it is imported, so this module imports nothing heavy and must never fail to load.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path

from nnunet_cscn.errors import UserError

TRAINERS_VARIABLE = "nnUNet_extTrainer"
TRAINERS_MODULE = "nnunet_cscn_trainers"

_PACKAGE = Path(__file__).resolve().parent.parent


def trainers_folder() -> Path:
    """Return the folder whose one module re-exports the trainers.

    In an installed wheel it lies inside the package (``_trainers``), in a checkout or an editable install beside it
    (``trainers``).

    Raises:
        UserError: When neither is there, because the installation is incomplete.
    """
    for folder in (_PACKAGE / "_trainers", _PACKAGE.parent / "trainers"):
        if (folder / f"{TRAINERS_MODULE}.py").is_file():
            return folder
    raise UserError(
        f"the trainers are missing from this installation ({TRAINERS_MODULE}.py is neither in {_PACKAGE / '_trainers'} "
        f"nor in {_PACKAGE.parent / 'trainers'}): install nnunet-cscn again"
    )


def extended(value: str | None, folder: Path) -> str:
    """Append ``folder`` to a list of folders as nnU-Net reads it, behind what the user has set.

    Args:
        value: The variable's present value; None when it is not set.
        folder: The folder to append.

    Returns:
        The new value. It equals ``value`` when the folder is already in it, under whatever spelling.

    Example:
        >>> extended(None, Path("/opt/trainers"))
        '/opt/trainers'
        >>> extended("/home/ada/mine", Path("/opt/trainers"))
        '/home/ada/mine:/opt/trainers'
        >>> extended("/opt/trainers/", Path("/opt/trainers"))
        '/opt/trainers/'
    """
    if value is None or not value.strip():
        return str(folder)
    if _is_listed(value, folder):
        return value
    return f"{value.rstrip(os.pathsep)}{os.pathsep}{folder}"


def is_registered() -> bool:
    """Tell whether the variable already names our trainers' folder."""
    return _is_listed(os.environ.get(TRAINERS_VARIABLE, ""), trainers_folder())


def ensure_registered() -> Path:
    """Make nnU-Net find our trainers in this process and in those that it starts.

    Returns:
        The trainers' folder.

    Raises:
        UserError: When the installation is incomplete.
    """
    folder = trainers_folder()
    os.environ[TRAINERS_VARIABLE] = extended(os.environ.get(TRAINERS_VARIABLE), folder)
    return folder


def shell_line() -> str:
    """Return the line of shell that registers the trainers, for ``eval "$(cscn env)"``.

    What the variable holds stays in front.

    Raises:
        UserError: When the installation is incomplete.
    """
    return f"export {TRAINERS_VARIABLE}={shlex.quote(extended(os.environ.get(TRAINERS_VARIABLE), trainers_folder()))}"


def register() -> None:
    """Do ``ensure_registered`` when torch is imported, and stay silent whatever happens.

    torch refuses to be imported when an entry point in its group ``torch.backends`` raises, so nothing may get out.
    """
    with contextlib.suppress(Exception):
        ensure_registered()


def _is_listed(value: str, folder: Path) -> bool:
    wanted = os.path.realpath(folder)
    return any(os.path.realpath(entry) == wanted for entry in value.split(os.pathsep) if entry.strip())
