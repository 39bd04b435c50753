"""Record the command, the time and the package versions of a result."""

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
    """The origin of a result.

    Attributes:
        command: The command line.
        made_on: Time in UTC.
        versions: Versions of Python and of the packages.
    """

    command: str
    made_on: str
    versions: Mapping[str, str]

    @classmethod
    def from_process(cls, arguments: Sequence[str]) -> Provenance:
        """Describe this process.

        Args:
            arguments: The arguments of the process as in ``sys.argv``, with the program first.
        """
        program, *others = arguments
        now = datetime.now(timezone.utc)
        versions = {name: metadata.version(name) for name in PACKAGES}
        command = shlex.join([Path(program).name, *others])
        return cls(command, f"{now:%Y-%m-%d %H:%M} UTC", {"Python": platform.python_version(), **versions})
