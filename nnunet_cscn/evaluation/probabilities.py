"""Find and read the probabilities of a folder of cases, in the layouts of this package and of nnU-Net."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.errors import ArgumentError, UserError, available_names
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nifti.grids import Grid, grid_differences, read_grid
from nnunet_cscn.nifti.probabilities import check_probabilities, read_levels, to_levels
from nnunet_cscn.nifti.voxel_order import in_order_of
from nnunet_cscn.nifti.voxels import ENDINGS, read_voxels

FOLDER = (
    "probability_maps"  # a subfolder, because some commands of nnU-Net read all images in the folder of predictions
)
CONTENTS = "maps.json"
_LARGEST_MISFIT = 1e-3  # share of voxels; rounding of equal probabilities leaves far fewer

Levels = NDArray[np.uint8]


class Probabilities(ABC):
    """The probabilities of some labels in some cases."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The labels' names."""

    @abstractmethod
    def has(self, case: str) -> bool:
        """Return whether there are probabilities of a case."""

    @abstractmethod
    def read(self, case: str, grid: Grid) -> Mapping[str, Levels]:
        """Return the probabilities of a case by label, in steps of 1/255, on a grid, (Z, Y, X).

        Args:
            case: The case.
            grid: The grid of the label map to which they belong.

        Raises:
            UserError: If they cannot be read, or have other voxels. The text is the reason, without the case's name.
        """


def open_probabilities(folder: Path, labels: EvaluatedLabels | None) -> Probabilities:
    """Find the probabilities in a folder.

    Args:
        folder: Folder of ``cscn predict --save_probability_maps``, its subfolder ``probability_maps``, any folder with
            a subfolder of maps for each label; or a folder with ``CASE.npz`` and ``CASE.nii.gz``, as
            ``nnUNetv2_train --npz`` and ``nnUNetv2_predict --save_probabilities`` write them.
        labels: The labels. They are needed for ``CASE.npz``.

    Raises:
        ArgumentError: If the folder is missing or holds no probabilities, or a label has no map.
        UserError: If labels are missing.
    """
    if not folder.is_dir():
        raise ArgumentError("probabilities", f"folder not found: {folder}")
    place = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    if maps := _map_folders(place):
        if labels is None:
            return _Maps(maps)
        if missing := [name for name in labels.values if name not in maps]:
            raise ArgumentError(
                "probabilities", f"{place} has no maps of {missing[0]}; {available_names(sorted(maps))}"
            )
        return _Maps({name: maps[name] for name in labels.values})
    if any(folder.glob("*.npz")):
        if labels is None:
            raise ArgumentError("dataset_json", "it is needed to read CASE.npz, which holds no names of labels")
        return _Arrays(folder, labels)
    raise ArgumentError(
        "probabilities",
        f"{folder} contains no probabilities: predict with `cscn predict --save_probability_maps`, or train with --npz",
    )


class _Maps(Probabilities):
    """A NIfTI file for each label and case."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._folders)

    def has(self, case: str) -> bool:
        return all(_nifti_file(folder, case) is not None for folder in self._folders.values())

    def read(self, case: str, grid: Grid) -> Mapping[str, Levels]:
        found = {}
        for label in self._folders:
            file = self._file(label, case)
            try:
                found[label] = _on_grid(read_levels(file), read_grid(file), grid)
            except UserError as fault:
                raise UserError(f"map of {label}: {fault}") from None
        return found

    def _file(self, label: str, case: str) -> Path:
        file = _nifti_file(self._folders[label], case)
        if file is None:
            raise UserError(f"map of {label}: there is none in {self._folders[label]}")
        return file


class _Arrays(Probabilities):
    """nnU-Net's ``CASE.npz`` beside its segmentation ``CASE.nii.gz``."""

    def __init__(self, folder: Path, labels: EvaluatedLabels) -> None:
        self._folder = folder
        self._labels = labels
        self._values = sorted(labels.known - {labels.ignore})
        self._has_regions = any(len(values) > 1 for values in labels.values.values())

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._labels.values)

    def has(self, case: str) -> bool:
        return (self._folder / f"{case}.npz").is_file() and _nifti_file(self._folder, case) is not None

    def read(self, case: str, grid: Grid) -> Mapping[str, Levels]:
        probabilities = self._read_array(case)
        segmentation = _nifti_file(self._folder, case)
        assert segmentation is not None
        predicted = read_voxels(segmentation)
        if probabilities.shape[1:] != predicted.shape or self._misfit(probabilities, predicted) > _LARGEST_MISFIT:
            raise UserError(
                f"{case}.npz does not fit {segmentation.name}: predict again with --save_probability_maps, which keeps "
                "the orientation"
            )
        own_grid = read_grid(segmentation)
        return {
            label: _on_grid(to_levels(probabilities[self._channel(label)]), own_grid, grid)
            for label in self._labels.values
        }

    def _read_array(self, case: str) -> NDArray[np.float32]:
        expected = len(self._labels.values) if self._has_regions else len(self._values)
        try:
            with np.load(self._folder / f"{case}.npz") as content:
                array: NDArray[np.float32] = content["probabilities"]
        except Exception:  # a damaged archive can raise any exception
            raise UserError(f"{case}.npz contains no probabilities of nnU-Net, or is damaged") from None
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise UserError(f"{case}.npz: expected floating-point probabilities")
        if array.ndim != 4 or array.shape[0] != expected:
            raise UserError(f"{case}.npz: expected {expected} channels along (Z, Y, X), got shape {array.shape}")
        try:
            check_probabilities(array)
        except UserError as fault:
            raise UserError(f"{case}.npz: {fault}") from None
        return array

    def _channel(self, label: str) -> int:
        if self._has_regions:
            return list(self._labels.values).index(label)
        return self._values.index(self._labels.values[label][0])

    def _misfit(self, probabilities: NDArray[Any], predicted: NDArray[Any]) -> float:
        """Return the share of voxels in which the segmentation is not the most probable label."""
        if self._has_regions:
            return float(np.mean((probabilities > 0.5).any(axis=0) != (predicted != 0)))
        return float(np.mean(np.asarray(self._values)[probabilities.argmax(axis=0)] != predicted))


def _on_grid(levels: Levels, own_grid: Grid, grid: Grid) -> Levels:
    found = in_order_of(levels, own_grid, grid)
    if found is None:
        raise UserError(f"it has {'; '.join(grid_differences(own_grid, grid, 'the label map'))}")
    return found


def _map_folders(place: Path) -> dict[str, Path]:
    contents = place / CONTENTS
    if contents.is_file():
        content = read_json_file(contents)
        maps = content.get("maps") if isinstance(content, dict) else None
        if not isinstance(maps, dict):
            raise UserError(f"{contents} does not say which map is which: predict again, or remove it")
        return {str(name): place / str(folder) for name, folder in maps.items()}
    folders = (entry for entry in sorted(place.iterdir()) if entry.is_dir() and not entry.name.startswith("."))
    return {folder.name: folder for folder in folders if any(folder.glob("*.nii*"))}


def _nifti_file(folder: Path, case: str) -> Path | None:
    return next((file for ending in ENDINGS if (file := folder / f"{case}{ending}").is_file()), None)
