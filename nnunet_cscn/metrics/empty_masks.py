"""The surface distance to report if exactly one mask is empty."""

from __future__ import annotations

from typing import Literal

EmptyDistance = Literal["infinite", "diagonal"]  # "diagonal": that of the volume, in mm
