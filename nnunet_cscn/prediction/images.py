"""The images that are to be predicted: nnU-Net's naming, checked before anything is loaded."""

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
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case
from nnunet_cscn.nifti.voxels import ENDINGS, count_not_finite

ReadImages = Callable[[list[str]], tuple[NDArray[Any], Any]]  # as the readers of nnU-Net


def images_in(folder: Path, *, file_ending: str, n_channels: int) -> dict[str, list[Path]]:
    """Return the files of every case, channel by channel.

    Args:
        folder: Holds ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz`` and so on; or, where a single file holds all channels
            (colour pictures, volumes of four dimensions), ``CASE_0000`` alone.
        file_ending: The data set's.
        n_channels: Channels that the network needs.

    Raises:
        UserError: When there is no case, or cases lack channels or have too many, all of them listed.
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
            f"{len(wrong)} of {len(channels)} cases in {folder} do not have exactly the channels of the model "
            f"({wanted}): {', '.join(wrong[:10])}{' and others' if len(wrong) > 10 else ''}",
        )
    return {case: [file for _, file in sorted(files.items())] for case, files in channels.items()}


def check_unharmed(
    cases: Mapping[str, Sequence[Path]],
    *,
    read: ReadImages | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, dict[Path, int]]:
    """Check that all files are whole, and find those with voxels that are NaN or infinite.

    nnU-Net's readers fill what a truncated NIfTI file lacks, or end in a worker's traceback. One NaN makes the whole
    prediction of a case empty with nibabel's reader; ITK's replaces it by 0 in NIfTI files, silently.

    Args:
        cases: The files of each case.
        read: Reads images of other formats than NIfTI as nnU-Net does; None to skip these.
        on_progress: Called with the number of finished cases and of all of them.

    Returns:
        For each case with voxels that are NaN or infinite, its files with such voxels, and how many each has.

    Raises:
        UserError: When some files cannot be read, all of them listed.
    """
    work = {case: partial(_not_finite, files, read) for case, files in cases.items()}
    found, problems = each_case(work, on_progress=on_progress)
    if problems:
        lines = [problems[case] for case in cases if case in problems]
        raise UserError(
            "\n  ".join([f"{len(lines)} of {len(cases)} cases cannot be read; restore their files:", *lines])
        )
    return {case: files for case, files in found.items() if files}


def _not_finite(files: Sequence[Path], read: ReadImages | None) -> dict[Path, int]:
    counts: dict[Path, int] = {}
    for file in files:
        if file.name.endswith(ENDINGS):
            try:
                counts[file] = count_not_finite(file)
            except UserError as fault:
                raise UserError(f"{file}: {fault}") from None
        elif read is not None:
            try:
                voxels, _ = read([str(file)])
            except Exception as fault:  # every library behind nnU-Net's readers has kinds of its own
                raise UserError(f"{file}: the file cannot be read ({type(fault).__name__})") from None
            counts[file] = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
    return {file: count for file, count in counts.items() if count}


def _is_complete(files: dict[int, Path], n_channels: int) -> bool:
    if sorted(files) == list(range(n_channels)):
        return True
    return list(files) == [0] and _holds_channels(files[0])


def _holds_channels(file: Path) -> bool:
    """Tell whether one file holds several channels, which nnU-Net's readers then take apart."""
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError:  # not in SimpleITK's reach
        return False
    return bool(reader.GetDimension() == 4 or reader.GetNumberOfComponents() > 1)
