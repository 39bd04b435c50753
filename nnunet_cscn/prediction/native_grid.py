"""Resample maps from the preprocessed grid to the grid of the image file, as nnU-Net does with its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing

_READERS = ("SimpleITKIO", "SimpleITKIOWithReorient")


def to_native_grid(
    values: NDArray[np.float32], properties: dict[str, Any], plans: Any, configuration: Any
) -> NDArray[np.float32]:
    """Resample a map to the grid of the image as nnU-Net read it. Outside the cropped box, the map is 0.

    Args:
        values: Map on the preprocessed grid, shape (Z, Y, X).
        properties: Properties of the case from nnU-Net's preprocessor.
        plans: nnU-Net's plans manager.
        configuration: nnU-Net's configuration manager.

    Returns:
        Map on the grid of nnU-Net's reader, shape (Z, Y, X).
    """
    spacing = [properties["spacing"][axis] for axis in plans.transpose_forward]
    shape = properties["shape_after_cropping_and_before_resampling"]
    # a 2d configuration has no spacing across slices; this axis is not resampled
    own_spacing = [spacing[0], *configuration.spacing][-len(shape) :]
    resampled = configuration.resampling_fn_probabilities(values[None], shape, own_spacing, spacing)
    whole = np.zeros(properties["shape_before_cropping"], dtype=np.float32)
    inserted = insert_crop_into_image(whole, np.asarray(resampled[0]), properties["bbox_used_for_cropping"])
    native: NDArray[np.float32] = np.asarray(inserted).transpose(plans.transpose_backward)
    return native


def check_reader(plans: Any) -> None:
    """Check that maps can be written with the geometry of the images.

    Raises:
        UserError: When the plans do not read images with SimpleITK.
    """
    name = plans.image_reader_writer_class.__name__
    if name not in _READERS:
        raise UserError(f"the plans use the image reader {name}: probability maps need one of {', '.join(_READERS)}")


def write_map(file: Path, values: NDArray[np.float32], properties: dict[str, Any]) -> None:
    """Write a map with the geometry of its image. An interruption leaves no incomplete file.

    Args:
        file: The file to write.
        values: Map on the grid of nnU-Net's reader, shape (Z, Y, X).
        properties: Properties of the case from nnU-Net's preprocessor.
    """
    geometry = properties["sitk_stuff"]
    image = SimpleITK.GetImageFromArray(values[0] if len(geometry["spacing"]) == 2 else values)
    image.SetSpacing(geometry["spacing"])
    image.SetOrigin(geometry["origin"])
    image.SetDirection(geometry["direction"])
    if (orientation := geometry.get("original_orientation")) is not None:
        image = SimpleITK.DICOMOrient(image, orientation)
    with replacing(file) as temporary:
        SimpleITK.WriteImage(image, str(temporary), True)
