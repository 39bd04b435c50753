"""By which command, when and with which versions something was made."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

PACKAGES = ("nnunet-cscn", "numpy", "scipy", "SimpleITK", "scikit-image", "plotly")


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from.

    Attributes:
        command: The command line.
        made_on: When, in UTC.
        versions: Of Python and the packages that took part.
    """

    command: str
    made_on: str
    versions: Mapping[str, str]

    @classmethod
    def of_process(cls, arguments: Sequence[str]) -> Provenance:
        """Describe this process.

        Args:
            arguments: Its arguments, the program first; as in ``sys.argv``.
        """
        program, *others = arguments
        now = datetime.now(timezone.utc)
        versions = {name: metadata.version(name) for name in PACKAGES}
        command = shlex.join([Path(program).name, *others])
        return cls(command, f"{now:%Y-%m-%d %H:%M} UTC", {"Python": platform.python_version(), **versions})
