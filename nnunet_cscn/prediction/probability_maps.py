"""Write the probabilities of each label as NIfTI files on the grid of the image.

nnU-Net writes the probabilities of all labels of a case into one file ``CASE.npz``, which viewers cannot open. They
have the grid of the image already, because nnU-Net resamples the logits first. So the maps fit nnU-Net's segmentation
voxel by voxel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.probabilities import CONTENTS, FOLDER
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nifti.probabilities import set_slope, to_levels
from nnunet_cscn.nifti.writing import whole_volume
from nnunet_cscn.nnunet.readers import read_label_map
from nnunet_cscn.prediction.map_files import check_reader, map_ending, write_map
from nnunet_cscn.prediction.predictor import Model, mode_of

ENDING = ".nii.gz"


class ProbabilityMaps:
    """The probability maps of a folder of predictions: ``probability_maps/LABEL/CASE.nii.gz``.

    Args:
        predictor: nnU-Net's, with the model loaded.
        model: The model.
        out: The folder of the predictions.
        keep_arrays: Whether nnU-Net's ``CASE.npz`` and ``CASE.pkl`` stay.

    Raises:
        UserError: If images are read in a way that maps cannot be written for, or the maps in the folder are those of
            another model.
    """

    def __init__(self, predictor: Any, model: Model, out: Path, *, keep_arrays: bool = False) -> None:
        check_reader(predictor.plans_manager)
        self._reader = predictor.plans_manager.image_reader_writer_class
        if map_ending(predictor.plans_manager, ENDING) != ENDING:
            raise UserError(
                f"probability maps are NIfTI files, but {model.folder.name} reads images with {self._reader.__name__}"
            )
        self._out = out
        self._keep_arrays = keep_arrays
        self._ending = model.file_ending()
        self._channels = label_channels(predictor.label_manager, model.labels())
        self._folders = folder_names(list(self._channels))
        self._model = {**model.to_json(), "manner": mode_of(predictor)}

    def check(self, *, overwrite: bool) -> None:
        """Check that the folder contains no maps of another model.

        Raises:
            UserError: If it does, and existing predictions are kept.
        """
        file = self._out / FOLDER / CONTENTS
        if overwrite or not file.is_file():
            return
        content = read_json_file(file)
        if not isinstance(content, dict) or any(content.get(key) != value for key, value in self._model.items()):
            raise UserError(f"{file.parent} contains maps of another model: choose another folder for the predictions")

    def missing(self, cases: Mapping[str, Sequence[Path]]) -> dict[str, Sequence[Path]]:
        """Return the cases that lack their segmentation, a map, or arrays that are to stay."""
        return {case: files for case, files in cases.items() if not all(file.is_file() for file in self._files(case))}

    def write(self, cases: Sequence[str]) -> None:
        """Turn nnU-Net's arrays of some cases into maps."""
        for case in cases:
            self._write_case(case)
        write_json(self._out / FOLDER / CONTENTS, {**self._model, "maps": self._folders})

    def _write_case(self, case: str) -> None:
        arrays, properties = self._out / f"{case}.npz", self._out / f"{case}.pkl"
        with np.load(arrays) as content:
            probabilities = content["probabilities"]
        _, geometry = read_label_map(self._reader, self._out / f"{case}{self._ending}")  # that of the image
        for name, channel in self._channels.items():
            with whole_volume(self._map(name, case)) as temporary:
                write_map(temporary, to_levels(probabilities[channel]), geometry)
                set_slope(temporary)
        if not self._keep_arrays:
            arrays.unlink()
            properties.unlink()

    def _files(self, case: str) -> list[Path]:
        arrays = [self._out / f"{case}.npz"] if self._keep_arrays else []
        return [self._out / f"{case}{self._ending}", *(self._map(name, case) for name in self._channels), *arrays]

    def _map(self, name: str, case: str) -> Path:
        return self._out / FOLDER / self._folders[name] / f"{case}{ENDING}"


def label_channels(label_manager: Any, labels: Mapping[str, Any]) -> dict[str, int]:
    """Return the channel of each label, or region, in nnU-Net's probabilities; the background is left out.

    Args:
        label_manager: nnU-Net's.
        labels: Value or values by name, as in a dataset.json.
    """
    names = [name for name, value in labels.items() if name != "ignore" and value != 0]
    if label_manager.has_regions:
        return {name: channel for channel, name in enumerate(names)}
    values = [int(value) for value in label_manager.all_labels]
    return {name: values.index(_value(labels[name])) for name in names}


def folder_names(labels: Sequence[str]) -> dict[str, str]:
    """Return a folder's name for each label, as it may be on any system.

    Example:
        >>> folder_names(["GTVp", "node / left", "node left"])
        {'GTVp': 'GTVp', 'node / left': 'node_left', 'node left': 'node_left_2'}
    """
    names: dict[str, str] = {}
    for number, label in enumerate(labels):
        name = re.sub(r"[^\w.+-]+", "_", label).strip(".") or "label"
        names[label] = f"{name}_{number}" if name in names.values() else name
    return names


def _value(value: Any) -> int:
    return int(value[0] if isinstance(value, (list, tuple)) else value)
