"""The result of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.conversion.converted_case import ConvertedCase


@dataclass(frozen=True)
class ConversionResult:
    """The result of a conversion to a raw data set of nnU-Net.

    Attributes:
        folder: Folder of the data set.
        converted: The cases in the data set, by name.
        problems: For each case that could not be converted, the reason.
        report: A table of all cases (CSV). None if the data set has no case.
        pictures: Folder with a picture of every converted case. None if the data set has no case.
        n_damaged: Number of damaged DICOM files that were skipped.
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
        """Number of cases in the source."""
        return len(self.converted) + len(self.problems)

    @property
    def n_new(self) -> int:
        """Number of cases that were written in this call."""
        return sum(case.is_new for case in self.converted.values())
