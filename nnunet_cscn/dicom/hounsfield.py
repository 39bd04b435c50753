"""A check whether the values of a CT are Hounsfield units."""

from __future__ import annotations

from typing import Any

import pydicom
from numpy.typing import NDArray

from nnunet_cscn.dicom.series import ImageSeries


def hounsfield_warning(series: ImageSeries, voxels: NDArray[Any]) -> tuple[str, ...]:
    """Warn of a CT without RescaleIntercept and without a value below 0: its values are hardly Hounsfield units.

    Args:
        series: The series.
        voxels: Its values.

    Returns:
        One warning, or none.
    """
    if series.modality.upper() != "CT" or float(voxels.min()) < 0 or _has_intercept(series):
        return ()
    return (
        "warning: this CT has no RescaleIntercept and no value below 0, so its values may not be Hounsfield units; "
        "restore the element from the original files",
    )


def _has_intercept(series: ImageSeries) -> bool:
    keywords = ["RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
    for file in series.files:
        content = pydicom.dcmread(file, force=True, specific_tags=keywords, stop_before_pixels=True)
        if not any(element.keyword == "RescaleIntercept" for element in content.iterall()):
            return False
    return True
