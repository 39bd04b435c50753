"""Read a volume of any format, by its content."""

from __future__ import annotations

from pathlib import Path

import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.endings import ITK_ENDINGS, NIFTI_ENDINGS, PICTURE_ENDINGS, TIFF_ENDINGS, ending_of
from nnunet_cscn.formats.pictures import flat_volume, has_colours, read_picture, read_pixels, read_tiff
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid, read_grid
from nnunet_cscn.nifti.itk_path import itk_path
from nnunet_cscn.nifti.voxels import read_voxels


class ContentReader:
    """Reads NIfTI, NRRD, MetaImage, GIPL, TIFF, PNG and BMP files.

    NIfTI files must be complete. A TIFF file of several slices has its spacing in a JSON file with the same name, as
    nnU-Net writes it. A 2D image becomes one slice.
    """

    @property
    def endings(self) -> tuple[str, ...] | None:
        """All known endings."""
        return None

    def grid(self, file: Path) -> Grid:
        """Return the grid of a file.

        Raises:
            UserError: When the file cannot be read. The message is the reason, without the name of the file.
        """
        if ending_of(file.name, (*PICTURE_ENDINGS, *TIFF_ENDINGS)) is not None:
            return self.read(file).grid
        return read_grid(file)

    def read(self, file: Path) -> Volume:
        """Return the voxels of a file with their grid.

        Raises:
            UserError: When the file cannot be read, is damaged, or holds several values per voxel. The message is
                the reason, without the name of the file.
        """
        if ending_of(file.name, NIFTI_ENDINGS) is not None:
            grid = read_grid(file)
            return Volume(read_voxels(file), grid)
        if ending_of(file.name, TIFF_ENDINGS) is not None:
            return read_tiff(file)
        if ending_of(file.name, PICTURE_ENDINGS) is not None:
            return read_picture(file)
        if ending_of(file.name, ITK_ENDINGS) is not None:
            return _read_itk(file)
        raise UserError("the file has an unknown format")


BY_CONTENT = ContentReader()


class ShownImageReader(ContentReader):
    """Reads images for display: colours become grey."""

    def read(self, file: Path) -> Volume:
        """Return the voxels of a file with their grid.

        Raises:
            UserError: When the file cannot be read. The message is the reason, without the name of the file.
        """
        is_tiff = ending_of(file.name, TIFF_ENDINGS) is not None
        if has_colours(file) if is_tiff else ending_of(file.name, PICTURE_ENDINGS) is not None:
            pixels = read_pixels(file)
            if pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
                return flat_volume(pixels[..., :3].mean(axis=-1))
        return super().read(file)


SHOWN_IMAGES = ShownImageReader()


def _read_itk(file: Path) -> Volume:
    grid = read_grid(file)
    try:
        with itk_path(file) as name:
            image = SimpleITK.ReadImage(name)
    except RuntimeError:
        raise UserError("the file is damaged; restore it") from None
    voxels = SimpleITK.GetArrayFromImage(image)
    return Volume(voxels[None] if grid.is_flat else voxels, grid)
