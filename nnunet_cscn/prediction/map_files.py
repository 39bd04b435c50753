"""Write maps of numbers next to predictions, with the geometry of the images, for every reader of nnU-Net."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.writing import whole_volume, write_image

_ITK = ("SimpleITKIO", "SimpleITKIOWithReorient")
_NIBABEL = ("NibabelIO", "NibabelIOWithReorient")
_TIFF = ("Tiff3DIO", "NaturalImage2DIO")
_TIFF_ENDINGS = (".tif", ".tiff")


def check_reader(plans: Any) -> None:
    """Check that maps can be written with the geometry of the images.

    Raises:
        UserError: When the plans read images with an unknown reader.
    """
    name = plans.image_reader_writer_class.__name__
    if name not in (*_ITK, *_NIBABEL, *_TIFF):
        known = ", ".join((*_ITK, *_NIBABEL, *_TIFF))
        raise UserError(f"the plans use the image reader {name}: maps need one of {known}")


def map_ending(plans: Any, file_ending: str) -> str:
    """Return the file ending of maps: that of the images, or ``.tif`` if their format cannot hold fractions.

    Args:
        plans: nnU-Net's plans manager.
        file_ending: File ending of the images.
    """
    is_tiff = plans.image_reader_writer_class.__name__ in _TIFF
    return ".tif" if is_tiff and file_ending.lower() not in _TIFF_ENDINGS else file_ending


def spacing_entry(plans: Any, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the JSON file next to a map must contain, so that nnU-Net can read the spacing of a 3D TIFF.

    Args:
        plans: nnU-Net's plans manager.
        properties: Properties of the case from nnU-Net's preprocessor.
    """
    if plans.image_reader_writer_class.__name__ != "Tiff3DIO":
        return {}
    return {"spacing": [float(step) for step in properties["spacing"]]}


def write_map(file: Path, values: NDArray[np.float32 | np.uint8], properties: Mapping[str, Any]) -> None:
    """Write a map with the geometry of its image. An interruption leaves no incomplete file.

    Args:
        file: The file to write.
        values: Map on the grid of nnU-Net's reader, shape (Z, Y, X).
        properties: Properties of the case from nnU-Net's preprocessor.

    Raises:
        OSError: When the file cannot be written completely.
    """
    if "sitk_stuff" in properties:
        write_image(file, _itk_image(values, properties["sitk_stuff"]))
    elif "nibabel_stuff" in properties:
        with whole_volume(file) as temporary:
            nibabel.save(_nibabel_image(values, properties["nibabel_stuff"]), temporary)
    else:
        is_flat = len(values) == 1 and properties["spacing"][0] >= 999  # as nnU-Net marks 2D images
        _write_tiff(file, values[0] if is_flat else values)


def _write_tiff(file: Path, values: NDArray[np.float32 | np.uint8]) -> None:
    import tifffile  # nnU-Net needs it too

    with whole_volume(file) as temporary:
        tifffile.imwrite(temporary, values, compression="zlib")
        try:
            is_whole = np.array_equal(tifffile.imread(temporary), values)
        except Exception as fault:  # tifffile and its codecs have kinds of their own
            raise RuntimeError("it cannot be read again") from fault
        if not is_whole:
            raise RuntimeError("other values")


def _itk_image(values: NDArray[np.float32 | np.uint8], geometry: Mapping[str, Any]) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(values[0] if len(geometry["spacing"]) == 2 else values)
    image.SetSpacing(geometry["spacing"])
    image.SetOrigin(geometry["origin"])
    image.SetDirection(geometry["direction"])
    if (orientation := geometry.get("original_orientation")) is not None:
        image = SimpleITK.DICOMOrient(image, orientation)
    return image


def _nibabel_image(values: NDArray[np.float32 | np.uint8], geometry: Mapping[str, Any]) -> Any:
    voxels, original = values.transpose(2, 1, 0), geometry["original_affine"]
    reoriented = geometry.get("reoriented_affine")
    if reoriented is None:
        return nibabel.Nifti1Image(voxels, original)
    back = ornt_transform(axcodes2ornt("RAS"), io_orientation(original))
    return nibabel.Nifti1Image(voxels, reoriented).as_reoriented(back)
