"""A raw data set of one tiny image whose fingerprint says that it is a large one: enough for nnU-Net's planners."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK

from nnunet_cscn.files import write_json

NAME = "Dataset901_Tiny"
SHAPE, SPACING_MM = (20, 64, 64), (3.0, 1.0, 1.0)


def write_raw(raw: Path, *, labels: dict[str, object] | None = None) -> Path:
    """Write the raw data set into ``nnUNet_raw``; return its folder."""
    folder = raw / NAME
    voxels = np.zeros((4, 6, 8), dtype=np.uint8)
    voxels[1:3, 2:4, 2:6] = 1
    for file, content in (("imagesTr/case_0000.nii.gz", voxels.astype(np.float32)), ("labelsTr/case.nii.gz", voxels)):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        image = SimpleITK.GetImageFromArray(content)
        image.SetSpacing(SPACING_MM[::-1])
        SimpleITK.WriteImage(image, str(folder / file))
    description = {
        "channel_names": {"0": "MRI"},
        "labels": labels or {"background": 0, "GTVp": 1},
        "numTraining": 1000,  # so that memory, not nnU-Net's 5 % of the data set, limits the batch
        "file_ending": ".nii.gz",
    }
    write_json(folder / "dataset.json", description)
    return folder


def write_fingerprint(preprocessed: Path) -> Path:
    """Write the fingerprint into ``nnUNet_preprocessed``; return the data set's folder there."""
    statistics = dict.fromkeys(["max", "mean", "median", "min", "percentile_00_5", "percentile_99_5", "std"], 1.0)
    fingerprint = {
        "spacings": [list(SPACING_MM)],
        "shapes_after_crop": [list(SHAPE)],
        "median_relative_size_after_cropping": 1.0,
        "foreground_intensity_properties_per_channel": {"0": statistics},
    }
    write_json(preprocessed / NAME / "dataset_fingerprint.json", fingerprint)
    return preprocessed / NAME
