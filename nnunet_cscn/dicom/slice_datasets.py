"""The slices of a series as data sets, and references to them, for files that are written about a series."""

from __future__ import annotations

from collections.abc import Sequence

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from nnunet_cscn.dicom.series import ImageSeries

_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames")
_SINGLE_FRAME_CLASSES = {"CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage}


def slice_datasets(series: ImageSeries) -> list[Dataset]:
    """Return the elements of each slice without its pixels.

    A frame of a multi-frame image becomes a data set of its own, with the geometry of the frame and a provisional
    SOPInstanceUID. highdicom takes either one multi-frame image, or images with one frame each. The frames of a series
    may however come from several files, and a file may have frames that are not in the series.
    """
    if not series.frames:
        return [pydicom.dcmread(file, stop_before_pixels=True) for file in series.files]
    stack, slices = series.stack, list[Dataset]()
    heads = {file: _without_frames(pydicom.dcmread(file, stop_before_pixels=True)) for file in set(series.files)}
    for index, file in enumerate(series.files):
        image = Dataset()
        image.update(heads[file])
        image.file_meta = heads[file].file_meta
        image.SOPClassUID = _SINGLE_FRAME_CLASSES.get(series.modality, MRImageStorage)
        image.SOPInstanceUID = _provisional_uid(series, index)
        image.ImageOrientationPatient = _decimals([*stack.row_direction, *stack.column_direction])
        image.ImagePositionPatient = _decimals(stack.points_mm([0], [0], index)[0])
        image.PixelSpacing = _decimals(stack.pixel_spacing_mm)
        slices.append(image)
    return slices


def refer_to_frames(content: Dataset, series: ImageSeries) -> None:
    """Replace references to the provisional slices of a multi-frame image by references to its frames.

    Args:
        content: A data set made from ``slice_datasets``. It is changed. One of single-frame slices stays as it is.
        series: The series.
    """
    if not series.frames:
        return
    image_class = sop_class(series)
    indices = {_provisional_uid(series, index): index for index in range(len(series.files))}
    for element in content.iterall():
        if element.VR != "SQ":
            continue
        listed = [str(item.get("ReferencedSOPInstanceUID", "")) for item in element.value]
        if listed and set(listed) <= set(indices):
            found = [indices[uid] for uid in listed]
            is_whole_file = element.keyword == "ReferencedInstanceSequence"
            element.value = [
                _with_purpose(item, old)
                for item, old in zip(image_items(series, image_class, indices=found), element.value, strict=False)
            ]
            if is_whole_file:  # the header lists images, not frames
                for item in element.value:
                    item.pop("ReferencedFrameNumber", None)


def image_items(series: ImageSeries, image_class: str, *, indices: Sequence[int] | None = None) -> list[Dataset]:
    """Return references to images: one for each slice, or one for each multi-frame file with the frames in it.

    Args:
        series: The series.
        image_class: SOPClassUID of its images.
        indices: The slices; None for all.
    """
    chosen = range(len(series.instances)) if indices is None else indices
    frames: dict[str, list[int]] = {}
    for index in chosen:
        frames.setdefault(series.instances[index], []).extend(series.frames[index : index + 1])
    items = []
    for uid, numbers in frames.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image_class, uid
        if numbers:
            item.ReferencedFrameNumber = sorted(numbers) if len(numbers) > 1 else numbers[0]
        items.append(item)
    return items


def sop_class(series: ImageSeries) -> str:
    """Return the SOPClassUID of the images of a series."""
    return str(pydicom.dcmread(series.files[0], specific_tags=["SOPClassUID"], stop_before_pixels=True).SOPClassUID)


def _with_purpose(item: Dataset, old: Dataset) -> Dataset:
    """A new reference with what the old one says beside the image, such as the purpose of the reference."""
    for element in old:
        if element.keyword not in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "ReferencedFrameNumber"):
            item.add(element)
    return item


def _without_frames(content: Dataset) -> Dataset:
    for keyword in _FUNCTIONAL_GROUPS:
        content.pop(keyword, None)
    return content


def _provisional_uid(series: ImageSeries, index: int) -> str:
    return str(generate_uid(entropy_srcs=["slice", series.instances[index], str(series.frames[index])]))


def _decimals(values: Sequence[float]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]
