"""Files that ITK can open. ITK ends the whole process, or never returns, for some damaged ones."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.header import check_finite_geometry, read_header
from nnunet_cscn.nifti.text_headers import check_text_header
from nnunet_cscn.nifti.voxels import ENDINGS


@contextlib.contextmanager
def itk_path(file: Path) -> Iterator[str]:
    """Yield a name for a file that ITK can open, after a check of headers that ITK cannot bear.

    ITK ends the whole process if a path is not valid UTF-8. Old archives contain such paths. For them, the name is that
    of a temporary link. It also ends the process for a wrong number of dimensions in a MetaImage file, and never
    returns if the geometry of a NIfTI file contains infinity.

    Raises:
        UserError: When the header is damaged in this way. The message is the reason, without the name of the file.
    """
    check_text_header(file)
    _check_nifti(file)
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as place:
            link = Path(place) / f"file{''.join(file.suffixes[-2:]) if file.suffixes[-1:] == ['.gz'] else file.suffix}"
            link.symlink_to(file.absolute())
            yield str(link)
    else:
        yield str(file)


def _check_nifti(file: Path) -> None:
    if not file.name.lower().endswith(ENDINGS):
        return
    try:
        header = read_header(file)
    except UserError:
        return  # it is no NIfTI file, which ITK says too
    check_finite_geometry(header)
