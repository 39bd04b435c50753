"""Replace voxels that are not finite in 32 bits, in copies of the images."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.finite import NOT_FINITE, finite_voxels
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.nifti.writing import whole_volume, write_image
from nnunet_cscn.texts import counted

ITK_ENDINGS = (".nrrd", ".mha")  # other formats of one file that SimpleITK reads and writes with their geometry


@contextlib.contextmanager
def finite_images(
    cases: Mapping[str, Sequence[Path]], not_finite: Mapping[str, Mapping[Path, int]], value: float | None
) -> Iterator[dict[str, list[Path]]]:
    """Yield the files of every case, with copies in place of those that have voxels that are not finite in 32 bits.

    Args:
        cases: The files of each case.
        not_finite: What ``check_images`` found in them.
        value: What such voxels become; None to refuse them.

    Raises:
        ArgumentError: When there are such voxels and no value, or a copy cannot be written in the format of the file.
    """
    if not_finite and value is None:
        found = "; ".join(f"{case} ({_counted(files)})" for case, files in not_finite.items())
        raise ArgumentError(
            "images",
            f"voxels are {NOT_FINITE}, in {len(not_finite)} of {counted(len(cases), 'case')}, which can make "
            f"predictions empty: {found}; correct these images, or add nan=0 to replace such voxels by 0",
        )
    with tempfile.TemporaryDirectory() as place:
        copies = {
            file: _copied(file, Path(place) / case, value or 0.0)
            for case, files in not_finite.items()
            for file in files
        }
        yield {case: [copies.get(file, file) for file in files] for case, files in cases.items()}


def _counted(files: Mapping[Path, int]) -> str:
    return ", ".join(f"{file.name}: {counted(count, 'voxel')}" for file, count in files.items())


def _copied(file: Path, folder: Path, value: float) -> Path:
    folder.mkdir(exist_ok=True)
    copy = folder / file.name
    if file.name.endswith(ENDINGS):
        try:
            image = nibabel.load(file)
            with np.errstate(over="ignore"):  # becomes infinity, which is replaced
                voxels = np.asarray(image.get_fdata(dtype=np.float32))
            header = image.header.copy()
            header.set_data_dtype(np.float32)
            changed = type(image)(finite_voxels(voxels, value), image.affine, header)
        except (ImageFileError, HeaderDataError, ValueError) as fault:
            reason = " ".join(str(fault).split())
            raise UserError(f"{file}: the header is damaged ({reason})") from None
        with whole_volume(copy) as temporary:
            nibabel.save(changed, temporary)
    elif file.name.endswith(ITK_ENDINGS):
        read = SimpleITK.ReadImage(str(file))
        written = SimpleITK.GetImageFromArray(
            finite_voxels(SimpleITK.GetArrayFromImage(read), value), isVector=read.GetNumberOfComponentsPerPixel() > 1
        )
        written.CopyInformation(read)
        write_image(copy, written)
    else:
        raise ArgumentError("nan", f"{file} cannot be corrected in its format: only {', '.join(ENDINGS + ITK_ENDINGS)}")
    return copy
