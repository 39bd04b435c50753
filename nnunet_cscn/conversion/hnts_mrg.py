"""Read HNTS-MRG 2024: T2 MR of head and neck before and during radiotherapy, with primary tumours and lymph nodes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nnunet_cscn.conversion.hnts_mrg_task import Task
from nnunet_cscn.conversion.label_values import as_labels, unchanged
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import notes_of, on_grid, read_volume
from nnunet_cscn.errors import UserError

_CHANNELS: dict[Task, tuple[str, ...]] = {
    "pre": ("T2",),
    "mid": ("T2",),
    "mid-priors": ("T2", "T2 before radiotherapy", "noNorm"),  # the last one is a label map
}


def description(task: Task) -> DatasetDescription:
    """Return what is to be said about the data set of a task."""
    when = "before radiotherapy" if task == "pre" else "in the middle of radiotherapy"
    priors = ", with image and contours from before, registered" if task == "mid-priors" else ""
    return DatasetDescription(
        number={"pre": 924, "mid": 925, "mid-priors": 926}[task],
        name={"pre": "HNTSMRGpre", "mid": "HNTSMRGmid", "mid-priors": "HNTSMRGmidPriors"}[task],
        title=f"T2-weighted MR of head and neck {when}{priors} (HNTS-MRG 2024)",
        channel_names=_CHANNELS[task],
        labels=(("background", 0), ("GTVp", 1), ("GTVn", 2)),
        licence="CC BY-NC 4.0",
        reference=(
            "Wahid KA, Dede C, Naser MA, Fuller CD (2024): Training Dataset for HNTSMRG 2024 Challenge. "
            "Zenodo. doi:10.5281/zenodo.11199559"
        ),
    )


def find_cases(source: Path, task: Task, *, resample: bool = False) -> list[SourceCase]:
    """List the cases of the download, at any depth of folders.

    A mid-RT mask may be empty on purpose, if the tumour has disappeared.

    Args:
        source: Folder of the download.
        task: Pre-RT images, mid-RT images, or mid-RT images with the registered pre-RT image and mask as channels.
        resample: Whether to resample volumes with other grids. Otherwise such a case is an error.

    Raises:
        UserError: When the folder does not exist or contains no images of the task.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    stage = "preRT" if task == "pre" else "midRT"
    images = sorted(file for file in source.rglob(f"{stage}/*_{stage}_T2.nii.gz") if not file.name.startswith("."))
    if not images:
        raise UserError(f"{source}: expected files such as 2/{stage}/2_{stage}_T2.nii.gz of HNTS-MRG 2024, found none")
    cases = []
    for image in images:
        patient = image.name.removesuffix(f"_{stage}_T2.nii.gz")
        name = f"HNTSMRG_{patient.zfill(3)}_{'pre' if task == 'pre' else 'mid'}"
        cases.append(SourceCase(name, f"HNTSMRG_{patient.zfill(3)}", partial(_load, image, stage, task, resample)))
    return cases


def _load(image_file: Path, stage: str, task: Task, resample: bool) -> LoadedCase:
    image = read_volume(image_file)
    stem, folder = image_file.name.removesuffix("_T2.nii.gz"), image_file.parent
    notes, channels = list[str](), [image.voxels]
    labels, note = on_grid(
        read_volume(folder / f"{stem}_mask.nii.gz"), image.grid, "the mask", resample=resample, labels=True
    )
    values, changes = as_labels(labels.voxels, unchanged((0, 1, 2)), "the mask")
    notes += [*notes_of(image, "T2"), note, *changes]
    if not values.any():
        notes.append("nothing is marked")
    if task == "mid-priors":
        before = stem.replace(stage, "preRT")
        for what, is_mask in (("T2", False), ("mask", True)):
            prior, note = on_grid(
                read_volume(folder / f"{before}_{what}_registered.nii.gz"),
                image.grid,
                f"the registered {what}",
                resample=resample,
                labels=is_mask,
            )
            channels.append(prior.voxels)
            notes.append(note)
    return LoadedCase(channels, values, image.grid, tuple(filter(None, notes)))
