"""What stands for a distance that there is none of, as one mask is empty."""

from __future__ import annotations

from typing import Literal

EmptyDistance = Literal["infinite", "diagonal"]  # the second: of the volume, in mm
