"""Register our trainers with nnU-Net through the variable ``nnUNet_extTrainer``. No other module uses this variable.

torch calls ``register`` when it is imported, so this module imports no large packages and must never raise.
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
    """Return the folder with the module that re-exports the trainers.

    In an installed wheel it is ``_trainers`` inside the package. In a checkout or an editable install it is
    ``trainers`` beside the package.

    Raises:
        UserError: If neither exists, because the installation is incomplete.
    """
    for folder in (_PACKAGE / "_trainers", _PACKAGE.parent / "trainers"):
        if (folder / f"{TRAINERS_MODULE}.py").is_file():
            return folder
    raise UserError(
        f"the trainers are missing from this installation ({TRAINERS_MODULE}.py is neither in {_PACKAGE / '_trainers'} "
        f"nor in {_PACKAGE.parent / 'trainers'}): install nnunet-cscn again"
    )


def append_folder(value: str | None, folder: Path) -> str:
    """Append ``folder`` to a list of folders in the format of nnU-Net, after the user's own folders.

    Args:
        value: Present value of the variable; None if it is not set.
        folder: The folder to append.

    Returns:
        The new value. It equals ``value`` if the list already contains the folder, in whatever spelling.

    Example:
        >>> append_folder(None, Path("/opt/trainers"))
        '/opt/trainers'
        >>> append_folder("/home/ada/mine", Path("/opt/trainers"))
        '/home/ada/mine:/opt/trainers'
        >>> append_folder("/opt/trainers/", Path("/opt/trainers"))
        '/opt/trainers/'
    """
    if value is None or not value.strip():
        return str(folder)
    if _is_listed(value, folder):
        return value
    return f"{value.rstrip(os.pathsep)}{os.pathsep}{folder}"


def is_registered() -> bool:
    """Return whether the variable already contains the folder of our trainers."""
    return _is_listed(os.environ.get(TRAINERS_VARIABLE, ""), trainers_folder())


def ensure_registered() -> Path:
    """Register our trainers for this process and the processes that it starts.

    Returns:
        The folder of the trainers.

    Raises:
        UserError: If the installation is incomplete.
    """
    folder = trainers_folder()
    os.environ[TRAINERS_VARIABLE] = append_folder(os.environ.get(TRAINERS_VARIABLE), folder)
    return folder


def shell_line() -> str:
    """Return the shell command that registers the trainers, for ``eval "$(cscn env)"``.

    Folders already in the variable stay in front.

    Raises:
        UserError: If the installation is incomplete.
    """
    return (
        f"export {TRAINERS_VARIABLE}={shlex.quote(append_folder(os.environ.get(TRAINERS_VARIABLE), trainers_folder()))}"
    )


def register() -> None:
    """Call ``ensure_registered`` and ignore all errors.

    torch calls this when it is imported, and its import fails if an entry point of ``torch.backends`` raises.
    """
    with contextlib.suppress(Exception):
        ensure_registered()


def _is_listed(value: str, folder: Path) -> bool:
    wanted = os.path.realpath(folder)
    return any(os.path.realpath(entry) == wanted for entry in value.split(os.pathsep) if entry.strip())
