"""Write a synthetic nnU-Net raw data set."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing_folder, write_json
from nnunet_cscn.phantom.case import Case, make_case
from nnunet_cscn.phantom.settings import PhantomSettings

GENERATOR_VERSION = 1  # raise it whenever the same settings no longer give the same voxels
MANIFEST = "phantom.json"


def write_dataset(
    raw: Path,
    settings: PhantomSettings,
    *,
    processes: int = 1,
    overwrite: bool = False,
    on_case: Callable[[], None] = lambda: None,
) -> Path:
    """Write a complete raw data set with training and test cases.

    The folder appears when it is complete. Where the same data set is there already, nothing is done.

    Args:
        raw: The folder that holds raw data sets (``nnUNet_raw``).
        settings: What to make.
        processes: How many cases to make at a time; the voxels do not depend on it.
        overwrite: Whether a different synthetic data set of the same name is replaced.
        on_case: Called after each case, for a progress display.

    Returns:
        The data set's folder.

    Raises:
        UserError: When something else is in the place.
    """
    target = raw / settings.folder_name
    if is_complete(raw, settings):
        return target
    _check_place(target, overwrite)
    with replacing_folder(target) as folder:
        for name in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
            (folder / name).mkdir()
        patients = _write_cases(folder, settings, processes, on_case)
        write_json(folder / "patients.json", dict(sorted(patients.items())))
        write_json(folder / "dataset.json", _dataset_json(settings))
        write_json(folder / MANIFEST, _manifest(settings))
    return target


def is_complete(raw: Path, settings: PhantomSettings) -> bool:
    """Whether the data set of these settings is in ``raw`` already."""
    return bool(_read_manifest(raw / settings.folder_name) == _manifest(settings))


def _check_place(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if _read_manifest(target) is None:
        raise UserError(f"{target}: is there and no synthetic data set; move it away or choose another id or name")
    if not overwrite:
        raise UserError(f"{target}: holds a synthetic data set of other settings; add --overwrite to replace it")


def _read_manifest(folder: Path) -> Any:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None


def _manifest(settings: PhantomSettings) -> dict[str, Any]:
    values = dataclasses.asdict(settings) | {"anatomy": settings.anatomy and str(settings.anatomy.resolve())}
    content: dict[str, Any] = json.loads(json.dumps({"generator_version": GENERATOR_VERSION, "settings": values}))
    return content


def _dataset_json(settings: PhantomSettings) -> dict[str, Any]:
    return {
        "channel_names": {"0": "T1"},  # no CT: nnU-Net takes z-score normalisation
        "labels": {"background": 0, "GTVp": 1},
        "numTraining": settings.cases,
        "file_ending": ".nii.gz",
    }


def _write_cases(
    folder: Path, settings: PhantomSettings, processes: int, on_case: Callable[[], None]
) -> dict[str, str]:
    """Make and write all cases; return the patient of each."""
    patients = {}
    if processes <= 1:
        for index in range(settings.total):
            name, patients[name] = _write_case(folder, settings, index)
            on_case()
        return patients
    context = multiprocessing.get_context("spawn")  # a fork would copy the progress display's thread
    with ProcessPoolExecutor(min(processes, settings.total), context) as pool:
        jobs = [pool.submit(_write_case, folder, settings, index) for index in range(settings.total)]
        try:
            for job in as_completed(jobs):
                name, patients[name] = job.result()
                on_case()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return patients


def _write_case(folder: Path, settings: PhantomSettings, index: int) -> tuple[str, str]:
    case = make_case(settings, index)
    name = settings.case_name(index)
    part = "Tr" if index < settings.cases else "Ts"
    for path, voxels in (
        (folder / f"images{part}" / f"{name}_0000.nii.gz", case.image),
        (folder / f"labels{part}" / f"{name}.nii.gz", case.label),
    ):
        image = SimpleITK.GetImageFromArray(voxels)
        image.SetSpacing(settings.spacing_mm)
        image.SetOrigin(_origin(case))
        SimpleITK.WriteImage(image, str(path), useCompression=True)
    return name, case.patient


def _origin(case: Case) -> tuple[float, float, float]:
    """The first voxel's place when the middle of the field of view is the scanner's isocentre."""
    z, y, x = (float(axis[0]) for axis in case.scene.grid.axes_mm())
    return x, y, z
