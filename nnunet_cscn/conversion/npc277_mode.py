"""The modes of NPC-277, in a module that the command line can import quickly."""

from __future__ import annotations

from typing import Literal

Mode = Literal["CE-T1", "T1", "T2", "multi", "scans"]

# Number and name of the data set of each mode.
MODES: dict[Mode, tuple[int, str]] = {
    "CE-T1": (277, "NPC277"),
    "T1": (278, "NPC277T1"),
    "T2": (279, "NPC277T2"),
    "multi": (280, "NPC277multi"),
    "scans": (281, "NPC277scans"),
}
