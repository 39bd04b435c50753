"""Read label maps of real heads and find the nasopharynx in them.

The brain has FreeSurfer labels; other tissues have labels from 502, as in the label maps of SynthSeg (Billot et al.
2023, doi 10.1016/j.media.2023.102789). Air is 0, inside and outside the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.itk_path import itk_path
from nnunet_cscn.phantom.tissues import Tissue

AIR, BRAINSTEM, SOFT_TISSUE, SKIN = 0, 16, 507, 511
CORTEX, MARROW = 515, 516

_OTHER_TISSUES = {
    Tissue.AIR: (AIR,),
    Tissue.WHITE_MATTER: (2, 7, BRAINSTEM, 28, 41, 46, 60, 85, 512, 530),
    Tissue.FLUID: (4, 5, 14, 15, 24, 31, 43, 44, 63, 72, 506),
    Tissue.VESSEL: (30, 62, 502, 514),
    Tissue.MUSCLE: (SOFT_TISSUE, 508),
    Tissue.LINING: (509,),
    Tissue.SKIN: (SKIN,),
    Tissue.CORTEX: (165, CORTEX),
    Tissue.MARROW: (MARROW,),
}
TISSUE_OF_LABEL = {
    label: tissue for tissue, labels in _OTHER_TISSUES.items() for label in labels
}  # all other labels: grey matter

_LARGEST_LABEL = 9999
_MAX_DISTANCE_MM = 75  # from the lower brainstem to the back wall of the pharynx; the nose is farther away
_MIN_HEIGHT_BELOW_MM = 6.0


@dataclass(frozen=True)
class HeadFile:
    """A label map that contains the nasopharynx.

    Attributes:
        path: The file.
        nasopharynx: Voxel (z, y, x) in the middle of the back wall of the nasopharynx.
    """

    path: Path
    nasopharynx: tuple[int, int, int]

    @property
    def patient(self) -> str:
        """Name of the head."""
        return self.path.name.split(".", maxsplit=1)[0]


def find_label_maps(folder: Path) -> list[Path]:
    """List the NIfTI files of a folder.

    Raises:
        UserError: When the folder does not exist or contains no NIfTI file.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: folder not found; give a folder with label maps of heads")
    paths = sorted(path for path in folder.iterdir() if path.name.endswith((".nii", ".nii.gz")))
    if not paths:
        raise UserError(f"{folder}: the folder contains no label maps (*.nii or *.nii.gz)")
    return paths


def read_labels(path: Path) -> NDArray[np.int16]:
    """Read a label map.

    Returns:
        The labels (Z, Y, X) with voxels of 1 mm. x points to the left, y to the back, z to the top.

    Raises:
        UserError: When the file cannot be read, or is not a label map of a head with voxels of 1 mm.
    """
    try:
        with itk_path(path) as name:
            image = SimpleITK.ReadImage(name)
    except (UserError, RuntimeError) as fault:
        raise UserError(f"{path}: the file cannot be read as an image; restore it") from fault
    if image.GetDimension() != 3 or not np.allclose(image.GetSpacing(), 1.0, atol=0.01):
        raise UserError(f"{path}: expected a label map of 1 mm voxels, got a spacing of {image.GetSpacing()}")
    values = SimpleITK.GetArrayFromImage(SimpleITK.DICOMOrient(image, "LPS"))
    labels = _whole_numbers(values)
    if labels is None or not {BRAINSTEM, SOFT_TISSUE, CORTEX} <= set(np.flatnonzero(np.bincount(labels.ravel()))):
        raise UserError(
            f"{path}: this is not a label map of a head; expected labels such as brainstem {BRAINSTEM} and soft tissue "
            f"{SOFT_TISSUE}"
        )
    return labels


def _whole_numbers(values: NDArray[Any]) -> NDArray[np.int16] | None:
    """Return the values as integers. None if they are not integers."""
    if not (values.min() > -0.01 and values.max() < _LARGEST_LABEL):
        return None
    rounded = values if np.issubdtype(values.dtype, np.integer) else np.rint(values)
    if rounded is not values and np.abs(values - rounded).max() > 0.01:
        return None
    return np.asarray(rounded, dtype=np.int16)


def find_nasopharynx(path: Path) -> HeadFile | None:
    """Find the nasopharynx in a label map.

    The search goes from the lower brainstem straight to the front, near the midline, through bone and soft tissue to
    the first air. This is the back wall of the pharynx if there is soft tissue directly behind the air. (Behind the
    sphenoid sinus there is bone.) The highest slice with such a wall is the roof. The middle is 8 mm below it.

    Returns:
        The head. None if the label map ends above or just below the nasopharynx.

    Raises:
        UserError: When the file is not a label map of a head.
    """
    labels = read_labels(path)
    stem = np.argwhere(labels == BRAINSTEM)
    lowest = int(stem[:, 0].min())
    low = stem[stem[:, 0] < lowest + 20]
    y_stem, x_stem = (int(v) for v in np.median(low[:, 1:], axis=0))
    walls = {}
    for z in range(max(lowest - 15, 0), min(lowest + 35, labels.shape[0])):
        wall = _back_wall(labels[z, : y_stem + 1, x_stem - 4 : x_stem + 5])
        if wall is not None:
            walls[z] = wall
    if not walls:
        return None
    middle = max(walls) - 8
    near = [y for z, y in walls.items() if -6 <= z - middle <= 8]
    if middle - lowest_slice(labels) < _MIN_HEIGHT_BELOW_MM:
        return None
    return HeadFile(path, (middle, int(np.median(near)), x_stem))


def lowest_slice(labels: NDArray[np.int16]) -> int:
    """Return the lowest slice that the head fills. Label maps are often cut off at the bottom."""
    area = (labels > 0).sum(axis=(1, 2))
    return int(np.argmax(area > 0.3 * area.max()))


def _back_wall(columns: NDArray[np.int16]) -> int | None:
    """Return the median y of the first air in front of soft tissue, searched from the back in columns (Y, X)."""
    hits = []
    for column in columns.T:
        line = column[::-1][:_MAX_DISTANCE_MM]
        bone = np.flatnonzero(np.isin(line, (CORTEX, MARROW)))
        if not bone.size:
            continue
        is_air = line == AIR
        in_air = np.flatnonzero(is_air[:-1] & is_air[1:])
        in_air = in_air[in_air >= bone[0] + 3]
        if in_air.size and (line[in_air[0] - 2 : in_air[0]] == SOFT_TISSUE).all():
            hits.append(len(column) - 1 - int(in_air[0]))
    return int(np.median(hits)) if len(hits) >= 4 else None
