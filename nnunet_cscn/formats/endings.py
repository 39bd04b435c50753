"""File endings of volumes, and the cases of a folder of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.voxels import ENDINGS

NIFTI_ENDINGS = ENDINGS
ITK_ENDINGS = (".nrrd", ".mha", ".mhd", ".gipl")
TIFF_ENDINGS = (".tif", ".tiff")
PICTURE_ENDINGS = (".png", ".bmp")
FAMILIES = (NIFTI_ENDINGS, ITK_ENDINGS, TIFF_ENDINGS, PICTURE_ENDINGS)
"""Formats in the order of the search in a folder: pictures next to NIfTI files are not label maps."""

VOLUME_ENDINGS = (*NIFTI_ENDINGS, *ITK_ENDINGS)
ALL_ENDINGS = tuple(ending for family in FAMILIES for ending in family)


def ending_of(name: str, endings: Sequence[str] = ALL_ENDINGS) -> str | None:
    """Return the ending of a file name in its own spelling. None if it is not a known one.

    Example:
        >>> ending_of("a.NII.GZ"), ending_of("a.npz")
        ('.NII.GZ', None)
    """
    lower = name.lower()
    found = next((ending for ending in endings if lower.endswith(ending.lower())), None)
    return None if found is None else name[len(name) - len(found) :]


def files_by_case(folder: Path, *, endings: Sequence[str] | None = None) -> dict[str, Path]:
    """Return the volume files of a folder by the names of their cases.

    Hidden files and folders are ignored, and so are files of other formats, such as nnU-Net's own JSON, npz and pkl.

    Args:
        folder: The folder.
        endings: File endings to use. None for the first of NIfTI, other formats of ITK, TIFF, and PNG or BMP that
            occurs in the folder.

    Raises:
        UserError: When there is no such folder, no file in it, or a case has two files.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: folder not found; check the path")
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as fault:
        raise UserError(f"{folder}: the folder cannot be read ({fault.strerror})") from None
    for family in FAMILIES if endings is None else (tuple(endings),):
        if found := _of_family(folder, files, family):
            return found
    wanted = f"{' or '.join('*' + ending for ending in endings or NIFTI_ENDINGS)}"
    if endings is not None:
        raise UserError(f"{folder}: the folder contains no {wanted} files, as the dataset.json has them")
    others = ", ".join(ALL_ENDINGS[len(NIFTI_ENDINGS) :])
    raise UserError(f"{folder}: the folder contains no NIfTI files ({wanted}) and none of {others}")


def _of_family(folder: Path, files: Sequence[Path], endings: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files:
        ending = ending_of(path.name, endings)
        if ending is None:
            continue
        name = path.name.removesuffix(ending)
        if name in found:
            raise UserError(f"{folder}: case {name} has two files, {found[name].name} and {path.name}; keep only one")
        found[name] = path
    return found
