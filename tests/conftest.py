"""Fixtures that more than one folder of tests uses."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests' arrays are tiny; two threads would wait for each other
os.environ.setdefault("nnUNet_def_n_proc", "1")  # each of nnU-Net's processes imports torch for seconds
os.environ["COLUMNS"] = "160"  # tables are as wide in every terminal, and without one

import numpy as np
import pytest
import SimpleITK
from filelock import FileLock

for _variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.pop(_variable, None)  # no test looks into, or writes to, what somebody works with


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the repository; tests that ask for it carry the marker `data`."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is absent: real data are not part of the repository")
    return folder


@pytest.fixture
def empty_nnunet_folders(tmp_path, monkeypatch) -> dict[str, Path]:
    """nnU-Net's three folders, new and empty, with the variables set to them."""
    folders = {}
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        folders[variable] = tmp_path / "nnunet" / variable
        folders[variable].mkdir(parents=True)
        monkeypatch.setenv(variable, str(folders[variable]))
    return folders


@pytest.fixture
def write_volume() -> Callable[..., Path]:
    """Return a function that writes an array (Z, Y, X) as NIfTI with an oblique, anisotropic geometry."""

    def write(path: Path, voxels, *, spacing_mm=(0.5, 0.6, 3.0), origin_mm=(10.0, -20.0, 30.0)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = SimpleITK.GetImageFromArray(np.asarray(voxels))
        image.SetSpacing(spacing_mm)
        image.SetOrigin(origin_mm)
        image.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
        SimpleITK.WriteImage(image, str(path))
        return path

    return write


@pytest.fixture
def paired_source(tmp_path, write_volume) -> Path:
    """Six tiny cases `case_1` ... `case_6` with images of 16-bit integers and labels 0 and 1 of 8-bit integers."""
    source = tmp_path / "source"
    random = np.random.default_rng(0)
    for number in range(1, 7):
        voxels = random.integers(-100, 1000, size=(3, 5, 4)).astype(np.int16)
        write_volume(source / "images" / f"case_{number}.nii.gz", voxels)
        write_volume(source / "labels" / f"case_{number}.nii.gz", (voxels > 300).astype(np.uint8))
    return source


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[..., Path]:
    """Return a function that gives a folder of a name, which the first process that asks for it fills by ``make``."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent

    def get(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = common / name, common / f"{name}.done"
        with FileLock(common / f"{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return get


@pytest.fixture(scope="session")
def _staged_folders_once(made_once) -> Callable[[str], Path]:
    def get(kind: str) -> Path:
        import staged_dataset  # imports torch

        return made_once(f"staged_{kind}", lambda folder: staged_dataset.make(folder, kind))

    return get


@pytest.fixture(scope="session")
def trained_models(_staged_folders_once, made_once) -> Callable[[str], Path]:
    """Return a function that makes nnU-Net's folders, with two folds of CSCNTrainer and one of CSCNStagedTrainer."""

    def get(kind: str) -> Path:
        import trained_dataset  # imports torch

        staged = _staged_folders_once(kind)
        return made_once(f"trained_{kind}", lambda folder: trained_dataset.make(folder, staged))

    return get


@pytest.fixture
def staged_folders(_staged_folders_once, tmp_path, monkeypatch) -> Callable[[str], Path]:
    """Return a function that copies nnU-Net's folders, with a stage one and its maps, and sets the variables."""
    from tiny_training import set_folders

    def get(kind: str) -> Path:
        folder = tmp_path / "nnunet"
        shutil.copytree(_staged_folders_once(kind), folder)
        set_folders(monkeypatch, folder)
        return folder

    return get
