"""The tasks of HNTS-MRG, in a module that the command line can import quickly."""

from __future__ import annotations

from typing import Literal

Task = Literal["pre", "mid", "mid-priors"]
