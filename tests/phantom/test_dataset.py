import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.phantom.dataset import write_dataset
from nnunet_cscn.phantom.settings import PhantomSettings

TINY = PhantomSettings(cases=2, test_cases=1, in_plane=104, slices=(20, 21))


def digest(folder) -> dict[str, str]:
    arrays = {
        path.relative_to(folder).as_posix(): SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        for path in sorted(folder.rglob("*.nii.gz"))
    }
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    raw = tmp_path_factory.mktemp("raw")
    write_dataset(raw, TINY)
    return raw


def test_the_layout_is_nnunets(raw):
    folder = raw / "Dataset901_NPC"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "imagesTr/NPC_000_0000.nii.gz", "imagesTr/NPC_001_0000.nii.gz", "imagesTs/NPC_002_0000.nii.gz",
        "labelsTr/NPC_000.nii.gz", "labelsTr/NPC_001.nii.gz", "labelsTs/NPC_002.nii.gz",
        "dataset.json", "patients.json", "phantom.json",
    }  # fmt: skip
    assert json.loads((folder / "dataset.json").read_text()) == {
        "channel_names": {"0": "T1"},
        "labels": {"background": 0, "GTVp": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }


def test_no_temporary_folder_stays(raw):
    assert [path.name for path in raw.iterdir()] == ["Dataset901_NPC"]


def test_image_and_label_share_one_geometry(raw):
    folder = raw / "Dataset901_NPC"
    image = SimpleITK.ReadImage(str(folder / "imagesTr" / "NPC_000_0000.nii.gz"))
    label = SimpleITK.ReadImage(str(folder / "labelsTr" / "NPC_000.nii.gz"))
    assert image.GetSpacing() == pytest.approx((0.6, 0.6, 3.0))
    assert image.GetSize()[:2] == (104, 104)
    np.testing.assert_allclose(image.TransformContinuousIndexToPhysicalPoint([51.5, 51.5, 0.0])[:2], (0, 0), atol=1e-4)
    for read in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(image, read)() == getattr(label, read)()
    assert label.GetPixelID() == SimpleITK.sitkUInt8


def test_every_case_has_its_patient(raw):
    patients = json.loads((raw / "Dataset901_NPC" / "patients.json").read_text())
    assert list(patients) == ["NPC_000", "NPC_001", "NPC_002"]
    assert len(set(patients.values())) == 3


def test_voxels_do_not_depend_on_the_number_of_processes(raw, tmp_path):
    folder = write_dataset(tmp_path, TINY, processes=2)
    assert digest(folder) == digest(raw / "Dataset901_NPC")


def test_progress_is_told_for_each_case(tmp_path):
    told = []
    write_dataset(tmp_path, TINY, on_progress=lambda *state: told.append(state))
    assert told == [("cases", 1, 3), ("cases", 2, 3), ("cases", 3, 3)]


def test_a_second_run_leaves_everything_as_it_is(raw):
    before = {path: path.stat().st_mtime_ns for path in raw.rglob("*")}
    assert write_dataset(raw, TINY, overwrite=True) == raw / "Dataset901_NPC"
    assert {path: path.stat().st_mtime_ns for path in raw.rglob("*")} == before


def test_other_settings_are_refused_unless_they_may_overwrite(raw, tmp_path):
    shutil.copytree(raw, tmp_path / "raw")
    other = dataclasses.replace(TINY, seed=5, cases=1)
    with pytest.raises(UserError, match="overwrite=True"):
        write_dataset(tmp_path / "raw", other)
    folder = write_dataset(tmp_path / "raw", other, overwrite=True)
    assert len(list((folder / "imagesTr").iterdir())) == 1


def test_what_is_no_synthetic_data_set_is_never_overwritten(tmp_path):
    mine = tmp_path / "Dataset901_NPC" / "imagesTr" / "mine.nii.gz"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(UserError, match="move it away"):
        write_dataset(tmp_path, TINY, overwrite=True)
    assert mine.read_text() == "precious"
