"""Resample maps from the preprocessed grid to the grid of the image file, as nnU-Net does with its predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from numpy.typing import NDArray


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
