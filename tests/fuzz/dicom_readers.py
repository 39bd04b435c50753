"""Readers of DICOM: series, enhanced images, RTSTRUCT and SEG."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import dicom_enhanced
import drawn_studies
from dicom_files import write_series
from fuzz.reader import Reader
from fuzz.volume_readers import digest
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.image_studies import studies_with_images
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.segments import read_segments
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.slice_datasets import slice_datasets
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.errors import UserError

SHAPE = (4, 8, 10)
VOXELS = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)


def _series(folder: Path) -> Any:
    headers = read_headers(folder)
    found, problems = image_series(headers)
    studies_with_images(headers)
    if not found:
        raise UserError("; ".join(problems.values()) or "no series")
    results = []
    for series in found:
        results.append((digest(read_pixels(series)), series.stack.grid()))
        slice_datasets(series)
    return results


def _structures(folder: Path) -> Any:
    found = read_structures(folder / "rt.dcm")
    return {name: [digest(points) for points in found.points(name)] for name in found.names}, found.references_of(
        list(found.names)
    )


def _segments(folder: Path) -> Any:
    found = read_segments(folder / "seg.dcm")
    results = {}
    for name in found.names:
        found.references_of([name])
        found.points(name)
        mask, grid = found.mask(name)
        results[name] = (digest(mask), grid)
    return results


def _convert(folder: Path) -> Any:
    shutil.rmtree(folder.with_name(f"{folder.name}_raw"), ignore_errors=True)
    found = drawn_studies.convert(folder)
    return found.counts


def _write_seg(folder: Path) -> None:
    shape = (4, 8, 10)
    slices = write_series(folder / "mr", VOXELS, patient="P1")
    mask = np.zeros(shape, np.uint8)
    mask[1:3, 2:5, 3:7] = 1
    made = drawn_studies.segmentation(slices, mask, ["GTVp"])
    for file in (folder / "mr").iterdir():
        file.unlink()
    (folder / "mr").rmdir()
    made.save_as(folder / "seg.dcm")


def _write_rt(folder: Path) -> None:
    slices = write_series(folder / "mr", VOXELS, patient="P1")
    boxes = drawn_studies.boxes(slices, range(1, 3), (1.5, 1.5), (6.5, 5.5))
    drawn_studies.write_regions(folder / "rt.dcm", {"GTVp": boxes}, slices)
    for file in (folder / "mr").iterdir():
        file.unlink()


def _write_study(folder: Path) -> None:
    slices = write_series(folder / "mr", VOXELS, patient="P1")
    boxes = drawn_studies.boxes(slices, range(1, 3), (1.5, 1.5), (6.5, 5.5))
    drawn_studies.write_regions(folder / "rt.dcm", {"GTVp": boxes}, slices)


def _write_enhanced(folder: Path) -> None:
    dicom_enhanced.write_enhanced(folder / "enhanced.dcm", dicom_enhanced.frames_of(VOXELS))


def _with_fixed_uids(write: Callable[[Path], object]) -> Callable[[Path], None]:
    """Let a seed have the same UIDs each time, so that the same input has the same bytes."""

    def run(folder: Path) -> None:
        uids = (f"1.2.826.0.1.3680043.8.498.{number}" for number in itertools.count(10**20))
        with (
            mock.patch("dicom_files.generate_uid", side_effect=uids),
            mock.patch("dicom_enhanced.generate_uid", side_effect=uids),
        ):
            write(folder)

    return run


READERS = (
    Reader("DICOM series", _with_fixed_uids(lambda folder: write_series(folder / "mr", VOXELS)), _series),
    Reader("enhanced image", _with_fixed_uids(_write_enhanced), _series),
    Reader("RTSTRUCT", _with_fixed_uids(_write_rt), _structures),
    Reader("SEG", _write_seg, _segments),
    Reader("DICOM study", _with_fixed_uids(_write_study), _convert, share=0.3),
)
