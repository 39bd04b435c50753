"""Find out whether a command failed because a disk is full."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from pathlib import Path

from nnunet_cscn.files import is_full

_REFUSAL = re.compile(rf"\[Errno (?:{errno.ENOSPC}|{errno.EDQUOT})\] [^:]*(?:: (['\"])(?P<file>.+)\1)?")


def file_without_room(log_file: Path, last_lines: Iterable[str]) -> str | None:
    """Return the file that a failed command could not write because its disk or quota is full.

    Args:
        log_file: The log of the command, which ends anywhere if the disk is full.
        last_lines: The last lines of the log.

    Returns:
        The file that an error in the log names. Otherwise the log itself if its disk is full, and None if it is not.
    """
    refusals = [found for line in last_lines if (found := _REFUSAL.search(line))]
    named = [found["file"] for found in refusals if found["file"]]
    if named:
        return named[-1]
    return str(log_file) if refusals or is_full(log_file.parent) else None
