"""Read NPC-277: three MR sequences of nasopharyngeal carcinoma, each with a mask of the primary tumour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.label_values import as_mask
from nnunet_cscn.conversion.npc277_mode import MODES, Mode
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import mask_on_grid, notes_of, on_grid, read_volume
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid

# For each sequence, the folder of the DICOM series and the name of the mask.
SEQUENCES = {"CE-T1": ("CE-T1WI", "ROI-CE-T1.nii"), "T1": ("T1WI", "ROI-T1.nii"), "T2": ("T2WI", "ROI-T2.nii")}


def description(mode: Mode) -> DatasetDescription:
    """Return the description of the data set for a mode."""
    number, name = MODES[mode]
    sequences = tuple(SEQUENCES) if mode == "multi" else ("MR",) if mode == "scans" else (mode,)
    return DatasetDescription(
        number=number,
        name=name,
        title=f"Nasopharyngeal carcinoma, MR ({', '.join(sequences)}), primary tumour (NPC-277)",
        channel_names=sequences,
        labels=(("background", 0), ("GTVp", 1)),
        licence="CC BY 4.0",
        reference="Scientific Data 12, 1450 (2025). doi:10.1038/s41597-025-05815-x; Zenodo doi:10.5281/zenodo.13131827",
    )


def find_cases(source: Path, mode: Mode, *, resample: bool = False) -> list[SourceCase]:
    """List the cases of the download, at any depth of folders.

    Args:
        source: Folder of the download.
        mode: One sequence; ``multi`` for all three on the grid of CE-T1; ``scans`` for every scan as a separate case.
        resample: Whether to resample masks with other grids. Otherwise such a case is an error.

    Raises:
        UserError: When the folder does not exist or contains no patient.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    wanted = list(SEQUENCES) if mode in ("scans", "multi") else [mode]
    folders = sorted(
        {
            file.parent
            for sequence in wanted
            for file in source.rglob(f"{SEQUENCES[sequence][1]}*")
            if "__MACOSX" not in file.parts and not file.name.startswith(".")
        }
    )
    if not folders:
        raise UserError(f"{source}: expected folders such as 001 with {SEQUENCES[wanted[0]][1]}, found none")
    cases = []
    for folder in folders:
        patient = f"NPC_{folder.name}"
        if mode == "scans":
            for sequence in wanted:
                name = f"{patient}_{sequence.replace('-', '')}"
                cases.append(SourceCase(name, patient, partial(_load, folder, [sequence], resample)))
        else:
            cases.append(SourceCase(patient, patient, partial(_load, folder, wanted, resample)))
    return cases


def _load(folder: Path, sequences: Sequence[str], resample: bool) -> LoadedCase:
    """Read a case. The first sequence has the grid and the mask; the others are resampled onto its grid."""
    first, *others = sequences
    image, notes = _series(folder / SEQUENCES[first][0])
    labels, changes = _mask(folder, SEQUENCES[first][1], image.grid, resample)
    notes += changes
    channels = [image.voxels]
    for sequence in others:
        other, more = _series(folder / SEQUENCES[sequence][0])
        moved, note = on_grid(other, image.grid, sequence, resample=True)
        channels.append(moved.voxels)
        notes += [*more, note]
    return LoadedCase(channels, labels, image.grid, tuple(filter(None, notes)))


def _series(folder: Path) -> tuple[Volume, list[str]]:
    found, problems = image_series(read_headers(folder))
    if len(found) != 1:
        reasons = "; ".join(problems.values()) or f"{len(found)} series, one is expected"
        raise UserError(f"{folder.name}: {reasons}")
    (series,) = found
    return Volume(read_pixels(series), series.stack.grid()), list(series.notes)


def _mask(folder: Path, name: str, grid: Grid, resample: bool) -> tuple[NDArray[np.uint8], list[str]]:
    """Read a mask and bring it onto the grid of the series, by the positions of its voxels in the patient."""
    file = next((folder / f"{name}{end}" for end in ("", ".gz") if (folder / f"{name}{end}").is_file()), folder / name)
    stored = read_volume(file)
    foreground, changes = as_mask(stored.voxels, "the mask")
    mask, note = mask_on_grid(Volume(foreground, stored.grid), grid, "the mask", resample=resample)
    return mask.astype(np.uint8), [*notes_of(stored, "the mask"), *changes, note]
