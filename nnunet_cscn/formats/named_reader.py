"""Read label maps with the reader of nnU-Net that a dataset.json or plans name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.formats.pictures import NO_SPACING, plain_grid
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import Volume, VolumeReader
from nnunet_cscn.nifti.grids import Grid

_IN_DATASET, _IN_PLANS = "overwrite_image_reader_writer", "image_reader_writer"
# These give the same voxels as reading by content, but they do not notice truncated files.
_AS_BY_CONTENT = ("SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient")


@dataclass(frozen=True)
class OfEnding:
    """Reads by content, but only files of one ending.

    Attributes:
        endings: The ending, as a dataset.json names it.
    """

    endings: tuple[str, ...] | None

    def grid(self, file: Path) -> Grid:
        """Return the grid of a file. Raise a UserError if it cannot be read."""
        return BY_CONTENT.grid(file)

    def read(self, file: Path) -> Volume:
        """Return the voxels of a file with their grid. Raise a UserError if it cannot be read."""
        return BY_CONTENT.read(file)


@dataclass(frozen=True)
class NamedReader:
    """Reads with a reader of nnU-Net.

    Attributes:
        name: The reader's name, such as ``Tiff3DIO``.
        endings: Endings of the files that it reads.
    """

    name: str
    endings: tuple[str, ...] | None

    def grid(self, file: Path) -> Grid:
        """Return the grid of a file. Raise a UserError if it cannot be read."""
        return self.read(file).grid

    def read(self, file: Path) -> Volume:
        """Return the voxels of a file with their grid.

        Raises:
            UserError: When nnU-Net's reader cannot read it, or it is no volume of one value per voxel.
        """
        from nnunet_cscn.nnunet.readers import read_label_map, reader_class

        reader = reader_class(self.name)
        assert reader is not None
        try:
            voxels, properties = read_label_map(reader, file)
        except Exception as fault:  # an unknown reader may raise anything
            raise UserError(f"nnU-Net's reader {self.name} cannot read it ({type(fault).__name__})") from None
        if np.ndim(voxels) != 4 or len(voxels) != 1:
            raise UserError(f"expected one value per voxel, {self.name} gives shape {np.shape(voxels)}")
        spacing = tuple(float(step) for step in properties["spacing"])
        if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
            raise UserError(f"expected a spacing of 3 positive numbers, {self.name} gives {spacing}")
        notes: tuple[str, ...] = ()
        is_flat = voxels.shape[1] == 1 and spacing[0] >= 999  # as nnU-Net marks 2D images
        if is_flat:
            spacing = (1.0, *spacing[1:])
            notes = (NO_SPACING,)
        grid = plain_grid(voxels.shape[1:], spacing, n_dimensions=2 if is_flat else 3, notes=notes)
        return Volume(voxels[0], grid)


def reader_for(dataset_json: Path | None, predictions: Path | None = None) -> VolumeReader:
    """Choose how to read label maps.

    Args:
        dataset_json: nnU-Net's dataset.json, which may name a reader and an ending.
        predictions: A folder of predictions. It may contain ``plans.json``, which names a reader. For the folder
            ``validation`` of a model, this file is two folders above.

    Returns:
        The reader that the dataset.json or else the plans name. If they name none, or one that gives the same result,
        files are read by their content.

    Raises:
        UserError: When the dataset.json cannot be read, or names a reader that nnU-Net does not have.
    """
    content = _mapping(read_json_file(dataset_json)) if dataset_json is not None else {}
    ending = content.get("file_ending")
    endings = (ending,) if isinstance(ending, str) and ending else None
    name, source = content.get(_IN_DATASET), dataset_json
    if not isinstance(name, str) or name == "None":
        source, name = _plans_beside(predictions)
    if name is None or name in _AS_BY_CONTENT or source is None:
        return OfEnding(endings) if endings else BY_CONTENT
    from nnunet_cscn.nnunet.readers import reader_class

    reader = reader_class(name)
    if reader is None:
        raise UserError(f"{source} names the reader {name}, which nnU-Net does not have: correct {_IN_DATASET}")
    supported = endings or tuple(getattr(reader, "supported_file_endings", ())) or None
    return NamedReader(name, supported)


def _plans_beside(predictions: Path | None) -> tuple[Path | None, str | None]:
    """Return the plans of the model that made the predictions, and the reader that they name."""
    if predictions is None:
        return None, None
    folders = [predictions]
    if predictions.name == "validation":
        folders.append(predictions.parent.parent)
    for folder in folders:
        file = folder / "plans.json"
        if file.is_file():
            name = _mapping(read_json_file(file)).get(_IN_PLANS)
            return file, name if isinstance(name, str) else None
    return None, None


def _mapping(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}
