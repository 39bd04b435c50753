import json
import os

import numpy as np
import pydicom
import pytest

from dicom_files import write_series, write_structures
from fake_model import FakeModel
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.predict_dicom_studies import predict_dicom_studies

FILES = ["picture.png", "rtstruct.dcm", "seg.dcm"]


@pytest.fixture
def box():
    """A box of 2 x 3 x 4 voxels of 0.8 x 1.1 x 3 mm."""
    image = np.zeros((5, 9, 8), dtype=np.int16)
    image[1:3, 2:5, 2:6] = 100
    return image


@pytest.fixture
def studies(tmp_path, box):
    """Three studies of two patients; the second one lacks a slice."""
    folder = tmp_path / "studies"
    for number, patient in enumerate(("Secret-A", "Secret-A", "Secret-B"), start=1):
        write_series(folder / patient / str(number), box, patient=patient, StudyInstanceUID=f"1.2.{number}")
    files = sorted(
        (folder / "Secret-A" / "2").iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2]
    )
    files[2].rename(tmp_path / "taken away.dcm")
    return folder


def by_uid(found):
    return {uid: name for name, uid in found.uids.items()}


def test_each_study_gets_a_folder_and_one_that_fails_stops_no_other(tmp_path, studies):
    model, told, steps = FakeModel("MR"), [], []
    found = predict_dicom_studies(
        model,
        studies,
        tmp_path / "out",
        on_note=lambda *note: told.append(note),
        on_progress=lambda *s: steps.append(s),
    )
    names = by_uid(found)
    assert set(found.predicted) == {names["1.2.1"], names["1.2.3"]}
    assert set(found.problems) == {names["1.2.2"]}
    assert "1 slice is missing" in found.problems[names["1.2.2"]]
    for name, study in found.predicted.items():
        assert sorted(file.name for file in study.folder.iterdir()) == [*FILES[:1], "prediction.json", *FILES[1:]]
        assert study.folder == tmp_path / "out" / name
        assert study.volumes_ml == {"GTVp": pytest.approx(24 * 0.8 * 1.1 * 3 / 1000), "GTVn": 0}
        structures = pydicom.dcmread(study.folder / "rtstruct.dcm")
        assert structures.StudyInstanceUID == found.uids[name]
    assert "Secret" not in " ".join([*found.predicted, *found.problems.values()])
    assert steps[-1] == ("predicting", 3, 3)


def test_a_second_run_does_what_is_missing(tmp_path, studies):
    model, out = FakeModel("MR"), tmp_path / "out"
    names = by_uid(predict_dicom_studies(model, studies, out))
    (tmp_path / "taken away.dcm").rename(studies / "back.dcm")
    (out / names["1.2.3"] / "rtstruct.dcm").unlink()
    model.n_predicted = 0
    found = predict_dicom_studies(model, studies, out)
    assert (set(found.predicted), found.problems) == (set(names.values()), {})
    assert found.already_there == (names["1.2.1"],)
    assert model.n_predicted == 2
    assert found.predicted[names["1.2.1"]].volumes_ml == found.predicted[names["1.2.3"]].volumes_ml
    assert predict_dicom_studies(model, studies, out, overwrite=True).already_there == ()


def test_another_model_or_other_images_are_predicted_again(tmp_path, studies, box):
    out = tmp_path / "out"
    names = by_uid(predict_dicom_studies(FakeModel("MR"), studies, out))
    other = FakeModel("MR")
    other.model.to_json = lambda: {"model": "another"}
    assert predict_dicom_studies(other, studies, out).already_there == ()
    write_series(studies / "more", box, patient="Secret-B", StudyInstanceUID="1.2.3")
    found = predict_dicom_studies(other, studies, out)
    assert found.already_there == (names["1.2.1"],)
    assert "contains 2 series; choose one by its number" in found.problems[names["1.2.3"]]
    assert "files of an earlier run" in found.problems[names["1.2.3"]]
    assert "files of an earlier run" not in found.problems[names["1.2.2"]]


def test_the_results_can_be_written_as_json(tmp_path, studies):
    found = predict_dicom_studies(FakeModel("MR"), studies, tmp_path / "out")
    content = {each["study_instance_uid"]: each for each in json.loads(json.dumps(found.to_json()))["studies"]}
    assert {uid: each["status"] for uid, each in content.items()} == {
        "1.2.1": "predicted",
        "1.2.2": "failed",
        "1.2.3": "predicted",
    }
    done = content["1.2.1"]
    assert sorted(done["files"]) == FILES
    assert done["volumes_ml"]["GTVn"] == 0
    assert done["disagreement"] is None
    assert "Secret" not in json.dumps(content)


def test_a_folder_of_one_study_is_written_without_a_subfolder(tmp_path, box):
    write_series(tmp_path / "in", box, StudyInstanceUID="1.2.1")
    write_structures(tmp_path / "in" / "rt.dcm", {"GTVp": []})  # of another study, which has no images
    found = predict_dicom_studies(FakeModel("MR"), tmp_path / "in", tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
    assert (list(found.predicted), found.uids) == ([""], {"": "1.2.1"})


def test_with_numbers_the_whole_folder_is_one_study(tmp_path, studies):
    found = predict_dicom_studies(FakeModel("MR"), studies, tmp_path / "out", series=[1])
    assert list(found.predicted) == [""]
    with pytest.raises(ArgumentError, match="choose one by its number"):
        predict_dicom_studies(FakeModel("MR"), studies, tmp_path / "out", series=[9])


def test_an_odd_fault_of_one_study_is_told_without_its_text(tmp_path, studies):
    class Odd(FakeModel):
        def predict_from_files_sequential(self, *arguments):
            if self.n_predicted:
                raise RuntimeError("Secret-A")
            super().predict_from_files_sequential(*arguments)

    found = predict_dicom_studies(Odd("MR"), studies, tmp_path / "out")
    assert len(found.predicted) == 1
    assert any("RuntimeError" in reason for reason in found.problems.values())
    assert "Secret" not in str(found.problems)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="contains no image series"):
        predict_dicom_studies(FakeModel("MR"), tmp_path / "empty", tmp_path / "out")


def test_a_model_that_was_trained_again_or_predicts_otherwise_predicts_all_again(tmp_path, studies):
    model, out = FakeModel("MR"), tmp_path / "out"
    checkpoint = tmp_path / "checkpoint_final.pth"
    checkpoint.touch()
    model.model.checkpoint_files = lambda: [checkpoint]
    predict_dicom_studies(model, studies, out)
    assert len(predict_dicom_studies(model, studies, out).already_there) == 2
    os.utime(checkpoint, (0, 0))
    assert predict_dicom_studies(model, studies, out).already_there == ()
    model.use_mirroring = True
    assert predict_dicom_studies(model, studies, out).already_there == ()
    assert len(predict_dicom_studies(model, studies, out).already_there) == 2
