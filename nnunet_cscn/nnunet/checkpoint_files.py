"""Checkpoints as files: whether they are whole, and what they would run; told without torch."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.pickles.allowed import IN_CHECKPOINTS
from nnunet_cscn.pickles.opcodes import LARGEST, DamagedPickle, foreign_to

TRUST_VARIABLE = "CSCN_TRUST"


class ForeignCode(UserError):  # noqa: N818  it is what was found
    """A file would run code that is none of nnU-Net's."""


def is_whole(file: Path) -> bool:
    """Tell whether a checkpoint is there and complete; torch writes the list of its parts last of all."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return False


def foreign_in(file: Path) -> list[str]:
    """Return the names of what a checkpoint would run; none where it is clean.

    Raises:
        ValueError: When the archive is damaged, or unpacks to more than it is.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > file.stat().st_size:
            raise ValueError("it unpacks to more than its own size")
        pickles = [member for member in members if member.filename.endswith(".pkl")]
        if any(member.file_size > LARGEST for member in pickles):
            raise DamagedPickle("too many instructions")
        found = [name for member in pickles for name in foreign_to(IN_CHECKPOINTS, archive.read(member))]
    return list(dict.fromkeys(found))


def trusts_all() -> bool:
    """Tell whether the user has said, for all processes, that checkpoints may run code."""
    return os.environ.get(TRUST_VARIABLE, "").strip().lower() in ("1", "true", "yes")


def refusal(file: Path | str, foreign: list[str]) -> str:
    """Say what a file would run, and what to do for one that is known."""
    names = [re.sub(r"^(posix|nt)\.", "os.", name) for name in foreign]  # these hold what people know as os
    shown = ", ".join(names[:5]) + (f" and {len(foreign) - 5} more" if len(foreign) > 5 else "")
    return (
        f"{file} is not loaded, because it would run {shown}, which is no part of nnU-Net: get the model from a source "
        f"that you trust; if you trust this file, add --trust or set {TRUST_VARIABLE}=1"
    )
