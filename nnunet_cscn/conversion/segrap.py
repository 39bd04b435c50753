"""SegRap 2023 and 2025: planning CT of nasopharyngeal carcinoma, plain and with contrast, with tumour and nodes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from nnunet_cscn.conversion.pipeline import LoadedCase, SourceCase
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_volumes import as_mask, on_grid, read_volume
from nnunet_cscn.errors import UserError

SEGRAP = DatasetDescription(
    number=923,
    name="SegRap",
    title="Planning CT of nasopharyngeal carcinoma, plain and with contrast, with primary tumour and nodes (SegRap)",
    channel_names=("CT", "CT"),
    labels=(("background", 0), ("GTVp", 1), ("GTVnd", 2)),
    licence="of the challenge, non-commercial: https://segrap2023.grand-challenge.org",
    reference=(
        "Luo X, Fu J, Zhong Y, et al. (2025): SegRap2023: A benchmark of organs-at-risk and gross tumor volume "
        "segmentation for radiotherapy planning of nasopharyngeal carcinoma. Medical Image Analysis 101, 103447. "
        "doi:10.1016/j.media.2024.103447"
    ),
)
_IMAGE, _CONTRAST = "image.nii.gz", "image_contrast.nii.gz"


def find_cases(source: Path, *, resample: bool = False) -> list[SourceCase]:
    """List the cases of a download: one folder a case, with an image, one with contrast, and a mask for each target.

    Args:
        source: The download.
        resample: Whether volumes on other grids are resampled instead of refused.

    Raises:
        UserError: When there is no such folder or no case in it.
    """
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder")
    folders = sorted(file.parent for file in source.rglob(_IMAGE) if "__MACOSX" not in file.parts)
    if not folders:
        raise UserError(f"{source}: expected folders such as segrap_0000 with {_IMAGE}, found none")
    return [SourceCase(folder.name, folder.name, partial(_load, folder, resample)) for folder in folders]


def _load(folder: Path, resample: bool) -> LoadedCase:
    image = read_volume(folder / _IMAGE)
    contrast, note = on_grid(read_volume(folder / _CONTRAST), image.grid, "the image with contrast", resample=resample)
    labels, notes = np.zeros(image.voxels.shape, np.uint8), [note]
    for name, value in SEGRAP.labels[1:]:
        mask, note = on_grid(read_volume(folder / f"{name}.nii.gz"), image.grid, name, resample=resample, labels=True)
        labels[as_mask(mask)] = value
        notes.append(note)
    return LoadedCase([image.voxels, contrast.voxels], labels, image.grid, tuple(filter(None, notes)))
