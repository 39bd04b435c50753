"""Cases of a source, whatever it is: what they are called, and how they are read."""

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
        channels: The images, shape (Z, Y, X) each, all on one grid.
        labels: The label map on the same grid.
        grid: Where the voxels lie.
        notes: What was passed over or changed on the way.
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
        name: Its name in the data set.
        patient: The patient's pseudonym: cases of one patient stay in one fold.
        load: Reads it; a UserError says why it can't be used.
    """

    name: str
    patient: str
    load: Callable[[], LoadedCase]
