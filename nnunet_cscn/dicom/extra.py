"""The packages that only DICOM needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nnunet_cscn.errors import UserError


@contextlib.contextmanager
def needs_dicom_extra() -> Iterator[None]:
    """Say how to install the extra ``[dicom]`` where an import fails for lack of it.

    Raises:
        UserError: When a package is missing.
    """
    try:
        yield
    except ImportError:
        raise UserError("DICOM support needs additional packages: run `pip install 'nnunet-cscn[dicom]'`") from None
