"""Cases of a source of any kind: their names, and the function that reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.nifti.grids import Grid


@dataclass(frozen=True)
class LoadedCase:
    """The content of a case.

    Attributes:
        channels: The images on one grid, shape (Z, Y, X) each.
        labels: The label map on the same grid.
        grid: The grid.
        notes: What was ignored or changed.
        details: Further columns of the report.
    """

    channels: Sequence[NDArray[Any]]
    labels: NDArray[np.uint8]
    grid: Grid
    notes: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceCase:
    """A case of the source.

    Attributes:
        name: Name in the data set.
        patient: Pseudonym of the patient. All cases of a patient stay in the same fold.
        load: Reads the case. It raises a UserError if the case cannot be used.
    """

    name: str
    patient: str
    load: Callable[[], LoadedCase]
