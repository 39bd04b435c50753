"""Find out whether a command failed because a disk is full."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

from nnunet_cscn.files import is_full

_REFUSALS = "|".join(rf"\[Errno {number}\] {re.escape(os.strerror(number))}" for number in (errno.ENOSPC, errno.EDQUOT))
_REFUSAL = re.compile(rf"(?:{_REFUSALS})(?:: (['\"])(?P<file>.+?)\1(?: -> (['\"])(?P<target>.+?)\3)?)?$")


def full_disk(log_file: Path, last_lines: Iterable[str]) -> str | None:
    """Return which disk a failed command found full, as part of a sentence. None if it did not.

    Args:
        log_file: The log of the command, which ends anywhere if its own disk is full.
        last_lines: The last lines of the log.

    Example:
        >>> full_disk(Path("a.log"), ["OSError: [Errno 28] No space left on device: '/data/a.npz'"])
        'no space left on the disk of /data/a.npz'
    """
    refusals = [found for line in last_lines if (found := _REFUSAL.search(line.strip()))]
    named = [found["target"] or found["file"] for found in refusals if found["file"]]
    if named:
        return f"no space left on the disk of {named[-1]}"
    if is_full(log_file.parent):
        return f"no space left on the disk of {log_file}"
    return "no space left on a disk, or its quota is used up" if refusals else None
