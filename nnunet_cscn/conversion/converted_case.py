"""Write the files of one case into a raw data set of nnU-Net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.image_values import finite_image
from nnunet_cscn.conversion.raw_dataset import has_files, image_path, label_path
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume


@dataclass(frozen=True)
class ConvertedCase:
    """A converted case.

    Attributes:
        grid: The grid of the case.
        volumes_ml: Volume of each label in ml.
        notes: What was ignored or changed.
        details: Further columns of the report.
        is_new: Whether any file was written.
    """

    grid: Grid
    volumes_ml: Mapping[str, float]
    notes: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = True


def convert_case(
    case: SourceCase, folder: Path, labels: Mapping[str, int], *, overwrite: bool = False
) -> ConvertedCase:
    """Write the images and labels of a case. Existing files with the same content are left as they are.

    Args:
        case: The case.
        folder: The raw data set.
        labels: Value of each label.
        overwrite: Replace existing files that differ from the source. Otherwise such a case is an error.

    Raises:
        UserError: When the case cannot be read, an image has a voxel that is NaN or infinite, or other files are in the
            way. The message contains no text of other exceptions, because that may identify the patient.
    """
    try:
        loaded = case.load()
    except Exception as fault:  # a bad case must not stop the others; the message may contain patient data
        reason = (
            str(fault) if isinstance(fault, UserError) else f"unexpected fault in its files ({type(fault).__name__})"
        )
        left_over = "; its files from an earlier run are still in the data set" if has_files(folder, case.name) else ""
        raise UserError(f"{reason}{left_over}") from None
    for number, voxels in enumerate(loaded.channels, start=1):
        finite_image(voxels, f"channel {number}", can_replace=False)
    files = {image_path(folder, case.name, number): voxels for number, voxels in enumerate(loaded.channels)}
    files[label_path(folder, case.name)] = loaded.labels
    new = [not _is_there(file, voxels, loaded.grid, overwrite=overwrite) for file, voxels in files.items()]
    for (file, voxels), is_new in zip(files.items(), new, strict=True):
        if is_new:
            write_volume(file, voxels, loaded.grid)
    voxel_ml = float(np.prod(loaded.grid.spacing_mm)) / 1000
    volumes = {name: float(np.count_nonzero(loaded.labels == value)) * voxel_ml for name, value in labels.items()}
    return ConvertedCase(loaded.grid, volumes, loaded.notes, loaded.details, any(new))


def _is_there(file: Path, voxels: NDArray[Any], grid: Grid, *, overwrite: bool) -> bool:
    """Tell whether a file already has this content. Raise an error if it has another and must not be replaced."""
    if not file.exists():
        return False
    if _holds(file, voxels, grid):
        return True
    if not overwrite:
        raise UserError(f"{file.name} already exists and differs from the source: delete it or add overwrite=True")
    return False


def _holds(file: Path, voxels: NDArray[Any], grid: Grid) -> bool:
    try:
        there, place = read_voxels(file), read_grid(file)
    except UserError:
        return False
    same_place = not grid_differences(place, grid, "the source", tolerance=1e-4)
    return same_place and np.array_equal(there, voxels, equal_nan=True)
