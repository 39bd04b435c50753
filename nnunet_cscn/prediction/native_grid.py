"""From the preprocessed grid back to the grid of the image file, as nnU-Net does it with its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.writing import write_image

_READERS = ("SimpleITKIO", "SimpleITKIOWithReorient")


def on_native_grid(
    values: NDArray[np.float32], properties: dict[str, Any], plans: Any, configuration: Any
) -> NDArray[np.float32]:
    """Resample a map to the grid that nnU-Net read the image on; 0 outside of the box that it cropped to.

    Args:
        values: (Z, Y, X) on the preprocessed grid.
        properties: What nnU-Net's preprocessor says of the case.
        plans: nnU-Net's plans manager.
        configuration: nnU-Net's configuration manager.

    Returns:
        (Z, Y, X) as nnU-Net's reader gave it.
    """
    spacing = [properties["spacing"][axis] for axis in plans.transpose_forward]
    shape = properties["shape_after_cropping_and_before_resampling"]
    # a 2d configuration has no spacing across slices, where nothing is resampled
    own_spacing = [spacing[0], *configuration.spacing][-len(shape) :]
    resampled = configuration.resampling_fn_probabilities(values[None], shape, own_spacing, spacing)
    whole = np.zeros(properties["shape_before_cropping"], dtype=np.float32)
    inserted = insert_crop_into_image(whole, np.asarray(resampled[0]), properties["bbox_used_for_cropping"])
    native: NDArray[np.float32] = np.asarray(inserted).transpose(plans.transpose_backward)
    return native


def check_reader(plans: Any) -> None:
    """See that maps can be written with the geometry of the images.

    Raises:
        UserError: When the plans read images otherwise than through SimpleITK.
    """
    name = plans.image_reader_writer_class.__name__
    if name not in _READERS:
        raise UserError(f"the plans use the image reader {name}: probability maps need one of {', '.join(_READERS)}")


def write_map(file: Path, values: NDArray[np.float32], properties: dict[str, Any]) -> None:
    """Write a map with the geometry of the image it belongs to, whole or not at all.

    Args:
        file: The file.
        values: (Z, Y, X) on the grid that nnU-Net read the image on.
        properties: What nnU-Net's preprocessor says of the case.
    """
    geometry = properties["sitk_stuff"]
    image = SimpleITK.GetImageFromArray(values[0] if len(geometry["spacing"]) == 2 else values)
    image.SetSpacing(geometry["spacing"])
    image.SetOrigin(geometry["origin"])
    image.SetDirection(geometry["direction"])
    if (orientation := geometry.get("original_orientation")) is not None:
        image = SimpleITK.DICOMOrient(image, orientation)
    write_image(file, image)
