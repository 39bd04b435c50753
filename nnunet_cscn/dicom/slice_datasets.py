"""The slices of a series as data sets, and references to them, for files that are written about a series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
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
        return [elements_of(file) for file in series.files]
    stack, slices = series.stack, list[Dataset]()
    heads = {file: _without_frames(elements_of(file)) for file in set(series.files)}
    for index, file in enumerate(series.files):
        own, image = Dataset(), Dataset()
        own.SOPClassUID = _SINGLE_FRAME_CLASSES.get(series.modality, MRImageStorage)
        own.SOPInstanceUID = _provisional_uid(series, index)
        own.ImageOrientationPatient = _decimals([*stack.row_direction, *stack.column_direction])
        own.ImagePositionPatient = _decimals(stack.points_mm([0], [0], index)[0])
        own.PixelSpacing = _decimals(stack.pixel_spacing_mm)
        image.update(heads[file])
        image.update(own)  # not by assignment, which would change the elements that all slices share
        image.file_meta = heads[file].file_meta
        slices.append(image)
    return slices


def elements_of(file: Path, *, only: Sequence[str] | None = None) -> FileDataset:
    """Return the elements of an image without its pixels.

    Files without the prefix DICM are read too. UIDs that only the meta information of the file states are added.

    Args:
        file: The image.
        only: The elements to read; None for all.
    """
    content = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(only) if only else None)
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not content.get(keyword) and (stated := content.file_meta.get(f"MediaStorage{keyword}")):
            setattr(content, keyword, stated)
    return content


def correct_references(content: Dataset, series: ImageSeries) -> None:
    """Correct the references of a new object to its images, where highdicom cannot write them.

    References to the provisional slices of a multi-frame image are replaced by references to its frames. If each slice
    has a series of its own, all these series are named.

    Args:
        content: A data set made from ``slice_datasets``. It is changed.
        series: The series.
    """
    if series.frames:
        _refer_to_frames(content, series)
    if series.slice_uids:
        image_class, members = sop_class(series), list[Dataset]()
        for uid, indices in indices_by_series(series).items():
            member = Dataset()
            member.SeriesInstanceUID = uid
            member.ReferencedInstanceSequence = image_items(series, image_class, indices=indices)
            for item in member.ReferencedInstanceSequence:  # the header lists images, not frames
                item.pop("ReferencedFrameNumber", None)
            members.append(member)
        content.ReferencedSeriesSequence = members


def indices_by_series(series: ImageSeries) -> dict[str, list[int]]:
    """Return the indices of the slices by their SeriesInstanceUID. There are several if each slice has its own."""
    found: dict[str, list[int]] = {}
    for index in range(len(series.instances)):
        found.setdefault(series.slice_uids[index] if series.slice_uids else series.uid, []).append(index)
    return found


def _refer_to_frames(content: Dataset, series: ImageSeries) -> None:
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
    return str(elements_of(series.files[0], only=["SOPClassUID"]).SOPClassUID)


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
