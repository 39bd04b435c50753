"""Which kinds of DICOM files contours are read from."""

from __future__ import annotations

from typing import Literal, TypeAlias

Contours: TypeAlias = Literal["rtstruct", "seg"]
