"""The tasks of HNTS-MRG, apart from what converts them: the command line imports nothing heavy."""

from __future__ import annotations

from typing import Literal

Task = Literal["pre", "mid", "mid-priors"]
