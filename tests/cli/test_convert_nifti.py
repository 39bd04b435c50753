import json

import numpy as np
import pytest
import SimpleITK

SHAPE = (3, 8, 10)
IMAGE = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[1, 2:5, 3:7], LABELS[2, 6:8, 1:3] = 1, 2


@pytest.fixture
def source(tmp_path, write_volume):
    """Two scans of patient a and one of patient b, each with images of two sequences, a label map and a mask in
    NRRD."""
    for patient, scan in (("a", "x"), ("a", "y"), ("b", "x")):
        folder = tmp_path / "source" / patient
        write_volume(folder / f"{scan}_T1.nii.gz", IMAGE)
        write_volume(folder / f"{scan}_T2.nii", IMAGE + 1)
        write_volume(tmp_path / "source" / "seg" / f"{patient}-{scan}.nii.gz", LABELS)
        write_volume(folder / f"{scan}_gtv.nrrd", (LABELS == 1).astype(np.uint8) * 255)
    return tmp_path / "source"


@pytest.fixture
def convert(cscn, source, tmp_path):
    def run(*options):
        where = ("--out", tmp_path / "raw", "--dataset-id", 960, "--name", "Mine")
        return cscn("convert", "nifti", source, *where, *options)

    return run


CHANNELS = ("--image", "T1={patient}/{scan}_T1.nii.gz", "--image", "T2={patient}/{scan}_T2.nii")
MAPS = ("--labels", "seg/{patient}-{scan}.nii.gz", "--label", "GTVp=1", "--label", "GTVn=2")


def read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def test_patterns_give_cases_patients_and_channels(convert, tmp_path):
    status, out, err = convert(*CHANNELS, *MAPS)
    assert status == 0, err
    assert "3 of 3 cases converted" in out
    folder = tmp_path / "raw" / "Dataset960_Mine"
    assert (read(folder / "imagesTr" / "a_y_0001.nii.gz") == IMAGE + 1).all()
    assert (read(folder / "labelsTr" / "b_x.nii.gz") == LABELS).all()
    assert json.loads((folder / "patients.json").read_text()) == {"a_x": "a", "a_y": "a", "b_x": "b"}
    content = json.loads((folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "T1", "1": "T2"}
    assert content["labels"] == {"background": 0, "GTVp": 1, "GTVn": 2}
    assert convert(*CHANNELS, *MAPS)[0] == 0  # again


def test_masks_of_other_formats_make_labels(convert, tmp_path):
    status, _, err = convert(*CHANNELS[:2], "--mask", "GTVp={patient}/{scan}_gtv.nrrd")
    assert status == 0, err
    assert (read(tmp_path / "raw" / "Dataset960_Mine" / "labelsTr" / "a_x.nii.gz") == (LABELS == 1)).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (CHANNELS, "--mask: give either masks, or label maps"),
        ((*CHANNELS, "--labels", "seg/{patient}-{scan}.nii.gz"), "--mask: give either masks"),
        (("--image", "T1={patient}/{scan}_T3.nii.gz", *MAPS), "no file matches the pattern {patient}/{scan}_T3.nii.gz"),
        (("--image", "T1=a/x_T1.nii.gz", *MAPS), "expected a pattern with placeholders such as {case}"),
        (
            ("--image", "T1={patient}/{scan}_T1.nii.gz", "--labels", "{other}.nii.gz", "--label", "a=1"),
            "expected a pattern",
        ),
        (("--image", "{patient}.nii.gz", *MAPS), "--image: expected NAME=..."),
        ((*CHANNELS, *MAPS[:2], "--label", "GTVp=x"), "--label: expected NAME=VALUE with an integer"),
        ((*CHANNELS, *MAPS[:2], "--label", "GTVp=1"), "the label map contains 2; expected only 0, 1"),
    ],
)
def test_mistakes_end_in_a_sentence(convert, options, sentence):
    status, _, err = convert(*options)
    assert status == 2
    assert sentence in " ".join(err.split())


def test_a_missing_file_is_named_and_the_others_go_on(convert, source):
    (source / "a" / "y_T2.nii").unlink()
    status, out, err = convert(*CHANNELS, *MAPS)
    assert status == 2
    assert "2 of 3 cases converted" in out
    assert "a_y: T2: y_T2.nii: file not found" in err
