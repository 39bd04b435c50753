"""Check checkpoint files without torch: whether they are complete, and which code they would run."""

from __future__ import annotations

import errno
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.pickles.allowed import IN_CHECKPOINTS
from nnunet_cscn.pickles.opcodes import LARGEST, DamagedPickle, foreign_to

TRUST_VARIABLE = "CSCN_TRUST"

HOW_TO_TRUST = f"if you trust it, add trust=True, or set {TRUST_VARIABLE}=1"

_ZIP = b"PK\x03\x04"
_AT_ONCE = 2**20  # bytes
# What Python's zipfile raises for damaged archives, encrypted ones among them. Not OSError: a file that cannot be read
# now may be whole.
_FAULTS = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError)


class ForeignCode(UserError):  # noqa: N818
    """A file would run code that is not part of nnU-Net.

    Args:
        file: The file.
        foreign: What it would run, such as ``posix.system``.

    Attributes:
        reason: The message without the advice to trust the file, for commands that only check.
    """

    def __init__(self, file: Path | str, foreign: list[str]) -> None:
        super().__init__(file, foreign)  # both arguments, so that the exception can be pickled
        names = [re.sub(r"^(posix|nt)\.", "os.", name) for name in foreign]  # the names that users know
        shown = ", ".join(names[:5]) + (f" and {len(foreign) - 5} more" if len(foreign) > 5 else "")
        self.reason = (
            f"{file} is not loaded, because it would run {shown}, which is no part of nnU-Net: get the model from a "
            "source that you trust"
        )

    def __str__(self) -> str:
        return f"{self.reason}; {HOW_TO_TRUST}"


def is_complete(file: Path) -> bool:
    """Return whether a checkpoint exists and has its end. torch writes the directory of the archive last.

    The weights are not read, so this takes no time. ``is_whole`` reads them.

    Raises:
        OSError: When the file cannot be read at present.
    """
    return file.is_file() and _is_archive(file, _has_pickle)


def is_whole(file: Path) -> bool:
    """Return whether a checkpoint exists, is complete, and has the checksums that torch stored in it.

    The file is read from beginning to end, often hundreds of megabytes. torch itself does not check them.

    Raises:
        OSError: When the file cannot be read at present.
    """
    return is_complete(file) and _is_archive(file, _has_right_checksums)


def _is_archive(file: Path, check: Callable[[zipfile.ZipFile], bool]) -> bool:
    """Return whether a file is an archive that passes a check."""
    try:
        with zipfile.ZipFile(file) as archive:
            return check(archive)
    except _FAULTS:
        return False
    except OSError as fault:
        if fault.errno == errno.EINVAL:  # a place before the beginning of the file
            return False
        raise OSError(fault.errno, fault.strerror, str(file)) from fault


def _has_pickle(archive: zipfile.ZipFile) -> bool:
    return any(name.endswith("data.pkl") for name in archive.namelist())


def _has_right_checksums(archive: zipfile.ZipFile) -> bool:
    """Read all members. Python raises an error at the end of a member whose checksum is wrong."""
    for member in archive.infolist():
        if member.CRC:  # torch writes 0 if it was told to compute none
            with archive.open(member) as content:
                while content.read(_AT_ONCE):
                    pass
    return True


def foreign_in(file: Path) -> list[str]:
    """Return the names of foreign code in a checkpoint; an empty list if there is none.

    Raises:
        ValueError: When it is no archive, is damaged, holds a name twice, or unpacks to more than its own size.
    """
    with file.open("rb") as stream:
        if stream.read(len(_ZIP)) != _ZIP:  # torch takes it for its old format, a bare pickle
            raise ValueError("it does not begin as an archive")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename.lower() for member in members]  # torch finds members without regard to case
        if len(set(names)) < len(names):
            raise ValueError("it holds a name twice")
        if sum(member.file_size for member in members) > file.stat().st_size:
            raise ValueError("it unpacks to more than its own size")
        pickles = [member for member in members if member.filename.lower().endswith(".pkl")]
        if any(member.file_size > LARGEST for member in pickles):
            raise DamagedPickle("too many instructions")
        found = [name for member in pickles for name in foreign_to(IN_CHECKPOINTS, archive.read(member))]
    return list(dict.fromkeys(found))


def trusts_all() -> bool:
    """Return whether the variable ``CSCN_TRUST`` allows code in checkpoints."""
    return os.environ.get(TRUST_VARIABLE, "").strip().lower() in ("1", "true", "yes")
