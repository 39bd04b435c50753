"""A model that needs no network and no torch."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.nifti.writing import write_volume


class FakeModel:
    """A model that finds GTVp where its first image is above 0.

    It takes the place of a LoadedModel and of nnU-Net's predictor in it.
    """

    labels = {"background": 0, "GTVp": 1, "GTVn": 2}  # noqa: RUF012

    def __init__(self, *channel_names, file_ending=".nii.gz", dicom_channels=None):
        self.channel_names = channel_names
        self.predictor = self
        self.model = SimpleNamespace(
            folder=Path("A__B__C"),
            file_ending=lambda: file_ending,
            description=lambda: {"dicom_channels": dicom_channels},
            to_json=lambda: {"model": "A__B__C"},
            checkpoint_files=lambda: [],
        )
        self.n_predicted = 0

    def predict_from_files_sequential(self, images, targets, *_):
        self.n_predicted += 1
        files = [Path(image) for image in images[0]]
        self.images, self.grids = [read_voxels(file) for file in files], [read_grid(file) for file in files]
        write_volume(Path(f"{targets[0]}.nii.gz"), (self.images[0] > 0).astype(np.uint8), self.grids[0])
