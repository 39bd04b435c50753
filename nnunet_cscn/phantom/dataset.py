"""Write a synthetic nnU-Net raw data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing_folder, write_json
from nnunet_cscn.nifti.writing import write_image
from nnunet_cscn.phantom.case import Case, make_case
from nnunet_cscn.phantom.heads import HeadFile, find_label_maps, find_nasopharynx
from nnunet_cscn.phantom.manifest import MANIFEST, is_complete, manifest, read_manifest
from nnunet_cscn.phantom.patients import assign_heads
from nnunet_cscn.phantom.process_pool import process_pool, run_all
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE, folds_by_patient
from nnunet_cscn.temporary import remove_stale

OnProgress = Callable[[str, int, int], None]


def write_dataset(
    raw: Path,
    settings: PhantomSettings,
    *,
    processes: int = 1,
    overwrite: bool = False,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Path:
    """Write a complete raw data set with training and test cases.

    The folder appears when it is complete. If the same data set exists already, nothing is done. In addition to
    nnU-Net's files, the folder contains ``patients.json`` (the patient of each case), ``phantom.json`` (the settings)
    and, for real heads, ``splits_final.json`` (folds that keep all cases of a head together).

    Args:
        raw: The folder that holds raw data sets (``nnUNet_raw``).
        settings: Settings of the data set.
        processes: Number of processes. The voxels do not depend on it. With more than 1, a script needs ``if __name__
            == "__main__"``.
        overwrite: Whether to replace a different synthetic data set of the same name.
        on_progress: Called with the step, the number of finished cases of this step and of all cases.

    Returns:
        Folder of the data set.

    Raises:
        UserError: When the folder has other content, or the label maps cannot be used.
    """
    remove_stale(raw)
    target = raw / settings.folder_name
    if is_complete(raw, settings):
        return target
    _check_place(target, overwrite)
    with replacing_folder(target) as folder:
        with process_pool(processes) as pool:  # all processes have ended before an incomplete folder is removed
            heads, left_out = _heads(settings, pool, on_progress)
            patients = _write_cases(folder, settings, heads, pool, on_progress)
        write_json(folder / "patients.json", patients)
        if settings.anatomy is not None:
            training = dict(list(patients.items())[: settings.cases])
            if folds := folds_by_patient(training):
                write_json(folder / SPLITS_FILE, folds)
        write_json(folder / "dataset.json", _dataset_json(settings))
        write_json(folder / MANIFEST, manifest(settings) | {"left_out": left_out})
    return target


def _check_place(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if read_manifest(target) is None:
        raise UserError(f"{target}: this is not a synthetic data set; move it away or choose another number or name")
    if not overwrite:
        raise UserError(f"{target}: the synthetic data set has different settings; add overwrite=True to replace it")


def _heads(
    settings: PhantomSettings, pool: Executor | None, on_progress: OnProgress
) -> tuple[list[HeadFile | None], list[str]]:
    """Return the head of each case (empty if heads are drawn), and the label maps that end above the nasopharynx."""
    if settings.anatomy is None:
        return [None] * settings.total, []
    paths = find_label_maps(settings.anatomy)
    found = list(
        _counted(run_all(pool, find_nasopharynx, [(path,) for path in paths]), "heads", len(paths), on_progress)
    )
    usable = sorted((head for head in found if head is not None), key=lambda head: head.path)
    left_out = sorted({path.name for path in paths} - {head.path.name for head in usable})
    return [*assign_heads(settings, usable)], left_out


def _write_cases(
    folder: Path,
    settings: PhantomSettings,
    heads: list[HeadFile | None],
    pool: Executor | None,
    on_progress: OnProgress,
) -> dict[str, str]:
    """Make and write all cases. Return the patient of each case, in the order of the cases."""
    for name in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        (folder / name).mkdir()
    jobs = [(folder, settings, index, head) for index, head in enumerate(heads)]
    return dict(sorted(_counted(run_all(pool, _write_case, jobs), "cases", len(jobs), on_progress)))


def _write_case(folder: Path, settings: PhantomSettings, index: int, head: HeadFile | None) -> tuple[str, str]:
    case = make_case(settings, index, head)
    name = settings.case_name(index)
    part = "Tr" if index < settings.cases else "Ts"
    for path, voxels in (
        (folder / f"images{part}" / f"{name}_0000.nii.gz", case.image),
        (folder / f"labels{part}" / f"{name}.nii.gz", case.label),
    ):
        image = SimpleITK.GetImageFromArray(voxels)
        image.SetSpacing(settings.spacing_mm)
        image.SetOrigin(_origin(case))
        write_image(path, image)
    return name, case.patient


def _origin(case: Case) -> tuple[float, float, float]:
    """Return the position of the first voxel if the centre of the field of view is the isocentre of the scanner."""
    z, y, x = (float(axis[0]) for axis in case.scene.grid.axes_mm())
    return x, y, z


def _dataset_json(settings: PhantomSettings) -> dict[str, Any]:
    return {
        "channel_names": {
            "0": "T1" if settings.contrast == "t1" else "CE-T1"
        },  # not CT, so nnU-Net uses z-score normalisation
        "labels": {"background": 0, "GTVp": 1},
        "numTraining": settings.cases,
        "file_ending": ".nii.gz",
    }


def _counted(items: Iterator[Any], what: str, total: int, on_progress: OnProgress) -> Iterator[Any]:
    for done, item in enumerate(items, start=1):
        on_progress(what, done, total)
        yield item
