"""What a conversion leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.conversion.converted_case import ConvertedCase


@dataclass(frozen=True)
class ConversionResult:
    """A raw data set of nnU-Net, and how its cases went.

    Attributes:
        folder: The data set.
        converted: The cases that are there, by name.
        problems: Why the others could not be converted, by name.
        report: The table of all cases (CSV); None where no case is there.
        pictures: The folder with a picture of every case that is there; None where there is none.
        n_damaged: Number of damaged DICOM files that were passed over.
        n_archives: Number of archives such as .zip in the source, which were not read.
    """

    folder: Path
    converted: Mapping[str, ConvertedCase]
    problems: Mapping[str, str]
    report: Path | None = None
    pictures: Path | None = None
    n_damaged: int = 0
    n_archives: int = 0

    @property
    def n_cases(self) -> int:
        """Number of cases that the source holds."""
        return len(self.converted) + len(self.problems)

    @property
    def n_new(self) -> int:
        """Number of cases that were not there before, or that were written again."""
        return sum(case.is_new for case in self.converted.values())
