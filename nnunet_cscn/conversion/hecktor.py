"""Read HECKTOR 2022 and 2025: PET/CT of head and neck with primary tumours and lymph nodes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nnunet_cscn.conversion.label_values import as_labels, unchanged
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import notes_of, on_grid, read_volume
from nnunet_cscn.errors import UserError

HECKTOR = DatasetDescription(
    number=922,
    name="HECKTOR",
    title="FDG-PET/CT of head and neck with primary tumours and lymph nodes (HECKTOR), PET resampled onto CT",
    channel_names=("CT", "PET"),
    labels=(("background", 0), ("GTVp", 1), ("GTVn", 2)),
    licence="of the challenge: https://hecktor.grand-challenge.org",
    reference=(
        "Andrearczyk V, Oreiller V, Abobakr M, et al. (2023): Overview of the HECKTOR challenge at MICCAI 2022. "
        "Lecture Notes in Computer Science 13626, 1-30. doi:10.1007/978-3-031-27420-6_1"
    ),
)
_CT = "__CT.nii.gz"
_TEST_IMAGES = "imagesTs"


def find_cases(source: Path) -> list[SourceCase]:
    """List the cases of the download of 2022 (``imagesTr``, ``labelsTr``) or 2025 (one folder for each case).

    Args:
        source: Folder of the download.

    Raises:
        UserError: When the folder does not exist or contains no CT.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    images = sorted(
        file
        for file in source.rglob(f"*{_CT}")
        if not file.name.startswith(".") and file.parent.name != _TEST_IMAGES  # test images have no contours
    )
    if not images:
        raise UserError(f"{source}: expected files such as CHUM-001{_CT}, found none")
    cases = []
    for image in images:
        name = image.name.removesuffix(_CT)
        cases.append(SourceCase(name, name, partial(_load, image, name)))
    return cases


def _load(image_file: Path, name: str) -> LoadedCase:
    folder = image_file.parent
    ct = read_volume(image_file)
    pet, note = on_grid(read_volume(folder / f"{name}__PT.nii.gz"), ct.grid, "PET", resample=True)
    places = (folder / f"{name}.nii.gz", folder.with_name("labelsTr") / f"{name}.nii.gz")
    mask_file = next((file for file in places if file.is_file()), places[0])
    mask, mask_note = on_grid(read_volume(mask_file), ct.grid, "the mask", resample=True, labels=True)
    labels, changes = as_labels(mask.voxels, unchanged((0, 1, 2)), "the mask")
    notes = tuple(filter(None, [*notes_of(ct, "CT"), note, mask_note, *changes]))
    return LoadedCase([ct.voxels, pet.voxels], labels, ct.grid, notes)
