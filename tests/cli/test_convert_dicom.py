import csv
import json

import numpy as np
import pydicom
import pytest

from dicom_files import oblique, write_series
from dicom_studies import VOXELS, read, second_slice
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.series import image_series


def test_images_and_labels_are_written_where_they_lie(convert_dicom, tmp_path):
    status, out, err = convert_dicom("--roi", "GTVp", "--roi", "nodes=GTVn")
    assert status == 0, err
    assert "3 of 3 cases converted" in out
    folder = tmp_path / "raw" / "Dataset950_NPC"
    content = json.loads((folder / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "GTVp": 1, "nodes": 2}
    assert content["channel_names"] == {"0": "MR"}
    assert content["numTraining"] == 3
    seen = []
    for case in ("NPC_001", "NPC_002", "NPC_003"):
        voxels, image = read(folder / "imagesTr" / f"{case}_0000.nii.gz")
        labels, label_image = read(folder / "labelsTr" / f"{case}.nii.gz")
        seen.append(int(voxels[0, 0, 0] - VOXELS[0, 0, 0]))
        assert (voxels == VOXELS + seen[-1]).all()
        assert voxels.dtype == np.int16
        assert [(labels == value).sum() for value in (1, 2)] == [2 * 4 * 6, 3 * 3]
        assert labels[1:3, 6:12, 4:8].min() == 1
        assert np.allclose(image.GetSpacing(), (1.1, 0.8, 3.0))
        assert np.allclose(image.GetOrigin(), (-20, 10, 35), atol=1e-4)
        assert np.allclose(np.reshape(image.GetDirection(), (3, 3))[:, 0], oblique()[:3], atol=1e-6)
        assert label_image.GetOrigin() == image.GetOrigin()
    assert seen in ([1, 2, 0], [2, 1, 0])  # patient A has studies 1 and 2, whose random UIDs decide their order


def test_a_case_that_turns_bad_is_told_and_stays_in_the_data_set(convert_dicom, studies, tmp_path):
    convert_dicom("--roi", "GTVp")
    second_slice(studies / "Secret^Secret-A" / "1" / "mr").unlink()
    status, _, err = convert_dicom("--roi", "GTVp")
    assert status == 2
    assert "its files from an earlier run are still in the data set" in " ".join(err.split())
    folder = tmp_path / "raw" / "Dataset950_NPC"
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 3
    assert len(json.loads((folder / "patients.json").read_text())) == 3
    rows = list(csv.DictReader((folder / "conversion_report.csv").open()))
    assert sorted(row["status"] for row in rows) == ["converted", "converted", "failed"]


def test_images_without_a_modality_need_it_stated(convert_dicom, studies, tmp_path):
    for file in studies.rglob("mr/*"):
        content = pydicom.dcmread(file)
        content.Modality = ""
        content.save_as(file)
    assert "--modality: the images have no modality" in " ".join(convert_dicom("--roi", "GTVp")[2].split())
    assert convert_dicom("--roi", "GTVp", "--modality", "ct")[0] == 0
    content = json.loads((tmp_path / "raw" / "Dataset950_NPC" / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "CT"}


def test_segmentations_are_taken_where_there_is_no_structure_set(convert_dicom, studies, tmp_path):
    folder = studies / "Secret^Secret-B" / "0"
    series = image_series(read_headers(folder / "mr"))[0][0]
    mask = np.zeros(VOXELS.shape, bool)
    mask[2, 4:9, 6:13] = True
    write_segmentation(folder / "seg", {"GTVp": mask}, series)
    report = tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv"
    convert_dicom("--roi", "GTVp")
    rows = list(csv.DictReader(report.open()))
    assert [row["drawn_in"] for row in rows] == ["RTSTRUCT"] * 3  # a SEG is ignored if there is an RTSTRUCT
    assert {row["series_found_by"] for row in rows} == {"named series"}
    (folder / "rt").unlink()
    status, _, err = convert_dicom("--roi", "GTVp", "--overwrite")
    assert status == 0, err
    rows = list(csv.DictReader(report.open()))
    assert [row["drawn_in"] for row in rows] == ["RTSTRUCT", "RTSTRUCT", "SEG"]
    assert (read(tmp_path / "raw" / "Dataset950_NPC" / "labelsTr" / "NPC_003.nii.gz")[0] == mask).all()


def test_only_segmentations_are_taken_when_asked(convert_dicom, studies):
    _, _, err = convert_dicom("--roi", "GTVp", "--contours", "seg")
    assert "no SEG file" in " ".join(err.split())


def test_damaged_files_are_counted(convert_dicom, studies):
    file = next((studies / "Secret^Secret-B" / "0" / "mr").iterdir())
    (studies / "damaged.dcm").write_bytes(file.read_bytes()[:400])
    status, out, err = convert_dicom("--roi", "GTVp")
    assert status == 0, err
    assert "1 damaged DICOM file was passed over" in out


def test_a_second_run_changes_nothing_and_other_content_is_not_overwritten(convert_dicom, tmp_path):
    convert_dicom("--roi", "GTVp")
    folder = tmp_path / "raw" / "Dataset950_NPC"
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")} | {
        file: file.stat().st_mtime_ns for file in folder.rglob("*.png")
    }
    assert len(before) == 9
    status, out, _ = convert_dicom("--roi", "GTVp")
    assert status == 0
    assert "3 of 3 cases converted, 3 of them already there" in out
    assert {file: file.stat().st_mtime_ns for file in before} == before
    status, _, err = convert_dicom("--roi", "GTVn")
    assert status == 2
    assert "NPC_001.nii.gz already exists and differs from the source" in err
    assert convert_dicom("--roi", "GTVn", "--overwrite")[0] == 0


def test_a_bad_case_is_listed_and_the_others_go_on(convert_dicom, studies, tmp_path):
    second_slice(studies / "Secret^Secret-B" / "0" / "mr").unlink()
    status, out, err = convert_dicom("--roi", "GTVp")
    assert status == 2
    assert "2 of 3 cases converted" in out
    assert "1 of 3 cases cannot be converted" in err
    assert "NPC_003: the referenced series has slices for only 1 of 2 contours" in " ".join(err.split())
    rows = list(csv.DictReader((tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv").open()))
    assert [row["status"] for row in rows] == ["converted", "converted", "failed"]
    assert rows[0]["GTVp_regions"] == "GTV_primary"
    assert float(rows[0]["GTVp_ml"]) == pytest.approx(48 * 1.1 * 0.8 * 3.0 / 1000, abs=1e-3)
    assert json.loads((tmp_path / "raw" / "Dataset950_NPC" / "dataset.json").read_text())["numTraining"] == 2


def test_ambiguous_regions_are_listed_or_merged(convert_dicom, tmp_path):
    status, _, err = convert_dicom("--roi", "GTV.*")
    assert status == 2
    expected = "2 ROIs match GTV.*; available ROIs: 'BODY', 'GTV_primary', 'GTVn'; choose one of them, or add --merge"
    assert expected in " ".join(err.split())
    assert convert_dicom("--roi", "GTV.*", "--merge")[0] == 0
    labels, _ = read(tmp_path / "raw" / "Dataset950_NPC" / "labelsTr" / "NPC_001.nii.gz")
    assert (labels == 1).sum() == 48 + 9


def test_what_labels_hide_is_told(convert_dicom, tmp_path):
    """The 48 and 9 voxels do not overlap. GTVp consists of both ROIs."""
    convert_dicom("--roi", "GTVp", "--roi", "all=GTV.*", "--merge")
    report = tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv"
    assert not report.exists()  # no case is left
    status, _, err = convert_dicom("--roi", "GTVp", "--roi", "all=GTV.*", "--merge")
    assert status == 2
    assert "GTVp is completely covered by later labels" in " ".join(err.split())
    assert convert_dicom("--roi", "all=GTV.*", "--roi", "GTVp", "--merge")[0] == 0
    assert next(csv.DictReader(report.open()))["notes"] == "48 voxels of all lie under labels that come after it"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--roi", "BODY"], "BODY: the ROI has no contours"),
        (["--roi", "Mandible"], "no ROI matches Mandible"),
        (["--roi", "GTV("], "regular expression"),
        (["--roi", "GTVp", "--roi", "GTVp=GTVn"], "--roi: each label needs a different name"),
        (
            ["--roi", "GTVp", "--modality", "CT"],
            "the regions were drawn on the MR series; no series of",
        ),
    ],
)
def test_mistakes_end_in_a_sentence(convert_dicom, options, sentence):
    status, _, err = convert_dicom(*options)
    assert status == 2
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err


def test_a_folder_without_structure_sets_is_refused(refused, tmp_path):
    write_series(tmp_path / "mr", VOXELS)
    options = ("--dataset", 950, "--roi", "GTV")
    shown = refused("convert", "dicom", tmp_path / "mr", tmp_path / "raw", *options)
    assert "no RTSTRUCT or SEG file among 4 DICOM files" in shown
    assert "folder not found" in refused("convert", "dicom", tmp_path / "absent", tmp_path / "raw", *options)


def test_mixed_modalities_are_refused_before_anything_is_written(convert_dicom, studies, tmp_path):
    for file in (studies / "Secret^Secret-B" / "0" / "mr").iterdir():
        content = pydicom.dcmread(file)
        content.Modality = "CT"
        content.save_as(file)
    status, _, err = convert_dicom("--roi", "GTVp")
    assert status == 2
    assert "--modality: the studies have different modalities (CT and MR)" in " ".join(err.split())
    assert not (tmp_path / "raw").exists()


@pytest.mark.data
def test_broken_structure_sets_are_refused_one_by_one(refused, shared_data, tmp_path):
    shown = refused(
        "convert", "dicom", shared_data / "rtstruct_odd", tmp_path, "--dataset", 952, "--roi", "GTV.*", "--merge"
    )
    assert "cases cannot be converted" in shown
    assert "Traceback" not in shown


def test_a_region_may_be_optional(convert_dicom, studies, tmp_path):
    file = studies / "Secret^Secret-B" / "0" / "rt"
    content = pydicom.dcmread(file)
    del content.StructureSetROISequence[2], content.ROIContourSequence[2]  # GTVn
    content.save_as(file)
    status, _, err = convert_dicom("--roi", "GTVp", "--roi", "nodes=GTVn")
    assert status == 2
    assert "if patients may lack it, add --optional nodes" in " ".join(err.split())
    assert convert_dicom("--roi", "GTVp", "--roi", "nodes=GTVn", "--optional", "nodes")[0] == 0
    assert convert_dicom("--roi", "GTVp", "--optional", "nodes=GTVn")[0] == 0
    folder = tmp_path / "raw" / "Dataset950_NPC"
    assert json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["labels"]["nodes"] == 2
    rows = list(csv.DictReader((folder / "conversion_report.csv").open(encoding="utf-8")))
    assert [row["notes"] for row in rows] == ["", "", "nodes is absent: no such region"]
    status, _, err = convert_dicom("--roi", "nodes=GTVn", "--optional", "nodes=GTVp")
    assert status == 2
    assert "--optional: the label nodes is already made of GTVn" in " ".join(err.split())


def test_what_would_be_lost_names_the_option_that_allows_it(convert_dicom, studies):
    for file in studies.rglob("rt"):
        content = pydicom.dcmread(file)
        content.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "OPEN_PLANAR"
        content.save_as(file)
    status, _, err = convert_dicom("--roi", "GTVp")
    assert status == 2
    assert "1 OPEN_PLANAR (slice 1); with them 50 % of its area would be lost; add --allow-loss" in " ".join(
        err.split()
    )
    assert convert_dicom("--roi", "GTVp", "--allow-loss", "--interpolate")[0] == 0
