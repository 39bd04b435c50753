"""Find the images to predict by nnU-Net's file names and check them before the prediction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.nifti.finite import are_finite
from nnunet_cscn.nifti.itk_path import itk_path
from nnunet_cscn.nifti.shear import is_sheared
from nnunet_cscn.nifti.text_headers import check_text_header
from nnunet_cscn.nifti.voxels import ENDINGS, count_not_finite
from nnunet_cscn.texts import counted, listing

ReadImages = Callable[[list[str]], tuple[NDArray[Any], Any]]  # as the readers of nnU-Net


def find_images(folder: Path, *, file_ending: str, n_channels: int) -> dict[str, list[Path]]:
    """Return the files of every case, one for each channel.

    Args:
        folder: Folder with ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz`` and so on. If one file contains all channels
            (colour images, four-dimensional volumes), only ``CASE_0000``.
        file_ending: File ending of the data set.
        n_channels: Number of channels that the network needs.

    Raises:
        UserError: When there is no case, or cases have too few or too many channels. The message lists all such cases.
    """
    if not folder.is_dir():
        raise ArgumentError("images", f"folder not found: {folder}")
    name = re.compile(r"(.+)_(\d{4})" + re.escape(file_ending))
    channels: dict[str, dict[int, Path]] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith(".") and (match := name.fullmatch(file.name)):
            channels.setdefault(match.group(1), {})[int(match.group(2))] = file
    if not channels:
        raise ArgumentError(
            "images",
            f"{folder} contains no images with nnU-Net file names, such as case_0000{file_ending} (case, channel)",
        )
    if wrong := [case for case, files in channels.items() if not _is_complete(files, n_channels)]:
        wanted = ", ".join(f"CASE_{channel:04d}{file_ending}" for channel in range(n_channels))
        raise ArgumentError(
            "images",
            f"{folder} has other channels than the model ({wanted}) in {len(wrong)} of "
            f"{counted(len(channels), 'case')}: {', '.join(wrong[:10])}{' and others' if len(wrong) > 10 else ''}",
        )
    return {case: [file for _, file in sorted(files.items())] for case, files in channels.items()}


def check_images(
    cases: Mapping[str, Sequence[Path]],
    *,
    read: ReadImages | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, dict[Path, int]]:
    """Check that all files are complete, and find those with voxels that are not finite in 32 bits.

    With an incomplete NIfTI file, nnU-Net's readers fill in missing voxels, or fail in a worker process with a
    traceback. With nibabel's reader, one NaN makes the whole prediction of a case empty; ITK's reader silently replaces
    NaN in NIfTI files by 0. Numbers beyond the range of float32 become infinity in both.

    Args:
        cases: The files of each case.
        read: Reads images of other formats than NIfTI, and NIfTI files with sheared axes, as nnU-Net's readers do; None
            to skip this.
        on_progress: Called with the number of finished cases and of all cases.

    Returns:
        For each case with voxels that are NaN or infinite, or beyond the range of float32, its files with such voxels,
        and how many each has.

    Raises:
        UserError: When files cannot be read. The message lists them.
    """
    work = {case: partial(_not_finite, files, read) for case, files in cases.items()}
    found, problems = process_cases(work, on_progress=on_progress)
    if problems:
        lines = [problems[case] for case in cases if case in problems]
        heading = f"{len(lines)} of {counted(len(cases), 'case')} cannot be read; restore their files:"
        raise UserError(listing(heading, lines))
    return {case: files for case, files in found.items() if files}


def _not_finite(files: Sequence[Path], read: ReadImages | None) -> dict[Path, int]:
    counts: dict[Path, int] = {}
    for file in files:
        if file.name.endswith(ENDINGS):
            try:
                counts[file] = count_not_finite(file)
            except UserError as fault:
                raise UserError(f"{file}: {fault}") from None
            if read is not None and is_sheared(file):
                _read(file, read, advice="; its axes are not perpendicular: resample it, or use a model with NibabelIO")
        elif read is not None:
            voxels = _read(file, read)
            counts[file] = int(voxels.size - np.count_nonzero(are_finite(voxels)))
    return {file: count for file, count in counts.items() if count}


def _read(file: Path, read: ReadImages, *, advice: str = "") -> NDArray[Any]:
    try:
        check_text_header(file)
        with np.errstate(over="ignore"):  # numbers beyond 32 bits become infinity, which is counted
            return read([str(file)])[0]
    except UserError as fault:
        raise UserError(f"{file}: {fault}") from None
    except Exception as fault:  # every library behind nnU-Net's readers has kinds of its own
        raise UserError(f"{file}: the file cannot be read ({type(fault).__name__}){advice}") from None


def _is_complete(files: dict[int, Path], n_channels: int) -> bool:
    if sorted(files) == list(range(n_channels)):
        return True
    return list(files) == [0] and _is_multichannel(files[0])


def _is_multichannel(file: Path) -> bool:
    """Return whether one file contains several channels. nnU-Net's readers split such a file."""
    reader = SimpleITK.ImageFileReader()
    try:
        with itk_path(file) as name:
            reader.SetFileName(name)
            reader.ReadImageInformation()
    except (UserError, RuntimeError):  # SimpleITK cannot read the format
        return False
    return bool(reader.GetDimension() == 4 or reader.GetNumberOfComponents() > 1)
