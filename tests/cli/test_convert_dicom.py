import csv
import gzip
import json
import stat

import numpy as np
import pydicom
import pytest
import SimpleITK

from dicom_files import oblique, write_series, write_structures
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.series import image_series

VOXELS = np.random.default_rng(0).integers(0, 900, (4, 20, 24)).astype(np.int16)
SECRETS = ("Secret", "20260102")


def square(slices, index, low, high):
    """A contour on one slice, from and to (column, row)."""
    cosines = np.array(slices[0].ImageOrientationPatient, float)
    along, down = cosines[:3], cosines[3:]
    origin = np.array(slices[index].ImagePositionPatient, float)
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    return np.array([origin + column * 1.1 * along + row * 0.8 * down for column, row in corners])


@pytest.fixture
def studies(tmp_path):
    """Two patients; the first one with two studies. GTVp has 4 x 6 voxels on slices 1 and 2; GTVn 3 x 3 on slice 2."""
    for number, patient in enumerate(("Secret-B", "Secret-A", "Secret-A")):
        folder = tmp_path / "studies" / f"Secret^{patient}" / str(number)
        slices = write_series(folder / "mr", VOXELS + number, orientation=oblique(), patient=patient)
        contours = {
            "BODY": [],
            "GTV_primary": [square(slices, index, (3.5, 5.5), (7.5, 11.5)) for index in (1, 2)],
            "GTVn": [square(slices, 2, (12.5, 5.5), (15.5, 8.5))],
        }
        write_structures(folder / "rt", contours, slices=slices, patient=patient)
    return tmp_path / "studies"


@pytest.fixture
def convert(cscn, studies, tmp_path):
    def run(*options):
        return cscn("convert", "dicom", studies, tmp_path / "raw", "--dataset", 950, "--name", "NPC", *options)

    return run


def _second_slice(folder):
    """The lower one of the two slices that carry contours."""
    return sorted(folder.iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2])[1]


def read(file):
    image = SimpleITK.ReadImage(str(file))
    return SimpleITK.GetArrayFromImage(image), image


def test_images_and_labels_are_written_where_they_lie(convert, tmp_path):
    status, out, err = convert("--roi", "GTVp", "--roi", "nodes=GTVn")
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


def test_cases_of_one_patient_stay_in_one_fold(convert, tmp_path):
    convert("--roi", "GTVp")
    folder = tmp_path / "raw" / "Dataset950_NPC"
    patients = json.loads((folder / "patients.json").read_text())
    assert patients == {"NPC_001": "patient_001", "NPC_002": "patient_001", "NPC_003": "patient_002"}
    for fold in json.loads((folder / "splits_final.json").read_text()):
        assert not {patients[case] for case in fold["train"]} & {patients[case] for case in fold["val"]}


def test_nobody_is_exposed(convert, tmp_path):
    _, out, err = convert("--roi", "GTVp")
    for secret in SECRETS:
        assert secret not in out + err
        for file in (tmp_path / "raw").rglob("*"):
            assert secret not in file.name
            if file.is_file():
                content = file.read_bytes()
                assert secret.encode() not in content
                assert file.suffix != ".gz" or secret.encode() not in gzip.decompress(content)


def test_a_mapping_is_written_on_request_for_its_owner_alone(convert, tmp_path):
    convert("--roi", "GTVp", "--mapping", tmp_path / "private" / "map.csv")
    file = tmp_path / "private" / "map.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(file.open()))
    assert [(row["case"], row["PatientID"]) for row in rows] == [
        ("NPC_001", "Secret-A"),
        ("NPC_002", "Secret-A"),
        ("NPC_003", "Secret-B"),
    ]


def test_a_new_patient_leaves_the_numbers_of_a_mapping_alone(convert, studies, tmp_path):
    mapping = ("--mapping", tmp_path / "map.csv")
    convert("--roi", "GTVp", *mapping)
    slices = write_series(studies / "new" / "mr", VOXELS, orientation=oblique(), patient="Secret-0")
    write_structures(
        studies / "new" / "rt",
        {"GTVp": [square(slices, 1, (3.5, 5.5), (7.5, 11.5))]},
        slices=slices,
        patient="Secret-0",
    )
    status, out, err = convert("--roi", "GTVp", *mapping)
    assert status == 0, err
    assert "4 of 4 cases converted, 3 of them already there" in out
    rows = {row["PatientID"]: row["case"] for row in csv.DictReader((tmp_path / "map.csv").open())}
    assert (rows["Secret-B"], rows["Secret-0"]) == ("NPC_003", "NPC_004")


def test_a_mapping_keeps_who_is_away_and_tells_it(convert, studies, tmp_path):
    mapping = ("--mapping", tmp_path / "map.csv")
    convert("--roi", "GTVp", *mapping)
    (studies / "Secret^Secret-A").rename(tmp_path / "away")
    status, _, err = convert("--roi", "GTVp", *mapping)
    assert status == 2
    assert "holds files that the source does not have" in " ".join(err.split())
    (tmp_path / "away").rename(studies / "Secret^Secret-A")
    status, out, err = convert("--roi", "GTVp", *mapping)
    assert status == 0, err
    assert "3 of them already there" in out


def test_a_case_that_turns_bad_is_told_and_stays_in_the_data_set(convert, studies, tmp_path):
    convert("--roi", "GTVp")
    _second_slice(studies / "Secret^Secret-A" / "1" / "mr").unlink()
    status, _, err = convert("--roi", "GTVp")
    assert status == 2
    assert "its files of an earlier run are still there" in " ".join(err.split())
    folder = tmp_path / "raw" / "Dataset950_NPC"
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 3
    assert len(json.loads((folder / "patients.json").read_text())) == 3
    rows = list(csv.DictReader((folder / "conversion_report.csv").open()))
    assert sorted(row["status"] for row in rows) == ["converted", "converted", "failed"]


def test_images_without_a_modality_need_it_stated(convert, studies, tmp_path):
    for file in studies.rglob("mr/*"):
        content = pydicom.dcmread(file)
        content.Modality = ""
        content.save_as(file)
    assert "do not say of what modality they are" in " ".join(convert("--roi", "GTVp")[2].split())
    assert convert("--roi", "GTVp", "--modality", "ct")[0] == 0
    content = json.loads((tmp_path / "raw" / "Dataset950_NPC" / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "CT"}


def test_structure_sets_that_share_a_uid_by_mistake_are_two(convert, studies, tmp_path):
    """They make a fourth case on the same images, also in a mapping and again."""
    file = studies / "Secret^Secret-B" / "0" / "rt"
    content = pydicom.dcmread(file)
    content.StructureSetROISequence[1].ROIName = "GTVp"
    content.save_as(studies / "Secret^Secret-B" / "0" / "rt2")
    for _ in range(2):
        assert "4 of 4 cases converted" in convert("--roi", "GTVp", "--mapping", tmp_path / "map.csv")[1]
    assert len(list(csv.DictReader((tmp_path / "map.csv").open()))) == 4


def test_a_structure_set_that_was_exported_again_is_a_copy(convert, studies):
    content = pydicom.dcmread(studies / "Secret^Secret-B" / "0" / "rt")
    content.file_meta.ImplementationVersionName = "OTHER"
    content.save_as(studies / "Secret^Secret-B" / "0" / "rt2")
    assert "3 of 3 cases converted" in convert("--roi", "GTVp")[1]


def test_folds_have_no_empty_side_when_a_patient_fails(convert, studies, tmp_path):
    """Of the two patients one is left, with two cases: no fold can be made."""
    _second_slice(studies / "Secret^Secret-B" / "0" / "mr").unlink()
    assert convert("--roi", "GTVp")[0] == 2
    assert not (tmp_path / "raw" / "Dataset950_NPC" / "splits_final.json").exists()


def test_ids_are_kept_on_request(convert, tmp_path):
    status, _, err = convert("--roi", "GTVp", "--keep-ids")
    assert status == 0, err
    folder = tmp_path / "raw" / "Dataset950_NPC"
    assert json.loads((folder / "patients.json").read_text()) == {
        "Secret-A": "Secret-A",
        "Secret-A_2": "Secret-A",
        "Secret-B": "Secret-B",
    }
    assert (folder / "labelsTr" / "Secret-A_2.nii.gz").is_file()


def test_a_structure_set_without_a_patient_belongs_to_the_one_of_its_study(convert, studies, tmp_path):
    file = studies / "Secret^Secret-B" / "0" / "rt"
    content = pydicom.dcmread(file)
    content.PatientID = ""
    content.save_as(file)
    status, _, err = convert("--roi", "GTVp")
    assert status == 0, err
    patients = json.loads((tmp_path / "raw" / "Dataset950_NPC" / "patients.json").read_text())
    assert patients["NPC_003"] == "patient_002"


def test_segmentations_are_taken_where_there_is_no_structure_set(convert, studies, tmp_path):
    folder = studies / "Secret^Secret-B" / "0"
    series = image_series(read_headers(folder / "mr"))[0][0]
    mask = np.zeros(VOXELS.shape, bool)
    mask[2, 4:9, 6:13] = True
    write_segmentation(folder / "seg", {"GTVp": mask}, series)
    report = tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv"
    convert("--roi", "GTVp")
    rows = list(csv.DictReader(report.open()))
    assert [row["drawn_in"] for row in rows] == ["RTSTRUCT"] * 3  # a SEG beside an RTSTRUCT is passed over
    assert {row["series_told_by"] for row in rows} == {"named series"}
    (folder / "rt").unlink()
    status, _, err = convert("--roi", "GTVp", "--overwrite")
    assert status == 0, err
    rows = list(csv.DictReader(report.open()))
    assert [row["drawn_in"] for row in rows] == ["RTSTRUCT", "RTSTRUCT", "SEG"]
    assert (read(tmp_path / "raw" / "Dataset950_NPC" / "labelsTr" / "NPC_003.nii.gz")[0] == mask).all()


def test_only_segmentations_are_taken_when_asked(convert, studies):
    _, _, err = convert("--roi", "GTVp", "--contours", "seg")
    assert "there is no SEG file" in " ".join(err.split())


def test_damaged_files_are_counted(convert, studies):
    file = next((studies / "Secret^Secret-B" / "0" / "mr").iterdir())
    (studies / "damaged.dcm").write_bytes(file.read_bytes()[:400])
    status, out, err = convert("--roi", "GTVp")
    assert status == 0, err
    assert "1 damaged DICOM file was passed over" in out


def test_a_second_run_changes_nothing_and_other_content_is_not_overwritten(convert, tmp_path):
    convert("--roi", "GTVp")
    folder = tmp_path / "raw" / "Dataset950_NPC"
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")} | {
        file: file.stat().st_mtime_ns for file in folder.rglob("*.png")
    }
    assert len(before) == 9
    status, out, _ = convert("--roi", "GTVp")
    assert status == 0
    assert "3 of 3 cases converted, 3 of them already there" in out
    assert {file: file.stat().st_mtime_ns for file in before} == before
    status, _, err = convert("--roi", "GTVn")
    assert status == 2
    assert "NPC_001.nii.gz is there and differs from the source" in err
    assert convert("--roi", "GTVn", "--overwrite")[0] == 0


def test_a_bad_case_is_listed_and_the_others_go_on(convert, studies, tmp_path):
    _second_slice(studies / "Secret^Secret-B" / "0" / "mr").unlink()
    status, out, err = convert("--roi", "GTVp")
    assert status == 2
    assert "2 of 3 cases converted" in out
    assert "1 of 3 cases can't be converted" in err
    assert "NPC_003: 1 of 2 contours lie on the slices of the series that they name" in " ".join(err.split())
    rows = list(csv.DictReader((tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv").open()))
    assert [row["status"] for row in rows] == ["converted", "converted", "failed"]
    assert rows[0]["GTVp_regions"] == "GTV_primary"
    assert float(rows[0]["GTVp_ml"]) == pytest.approx(48 * 1.1 * 0.8 * 3.0 / 1000, abs=1e-3)
    assert json.loads((tmp_path / "raw" / "Dataset950_NPC" / "dataset.json").read_text())["numTraining"] == 2


def test_ambiguous_regions_are_listed_or_merged(convert, tmp_path):
    status, _, err = convert("--roi", "GTV.*")
    assert status == 2
    expected = "2 regions fit --roi GTV.*: there are 'BODY', 'GTV_primary', 'GTVn'; name one of them, or add --merge"
    assert expected in " ".join(err.split())
    assert convert("--roi", "GTV.*", "--merge")[0] == 0
    labels, _ = read(tmp_path / "raw" / "Dataset950_NPC" / "labelsTr" / "NPC_001.nii.gz")
    assert (labels == 1).sum() == 48 + 9


def test_what_labels_hide_is_told(convert, tmp_path):
    """Of the 48 and 9 voxels none is shared; all of GTVp lies in both regions together."""
    convert("--roi", "GTVp", "--roi", "all=GTV.*", "--merge")
    report = tmp_path / "raw" / "Dataset950_NPC" / "conversion_report.csv"
    assert not report.exists()  # no case is left
    status, _, err = convert("--roi", "GTVp", "--roi", "all=GTV.*", "--merge")
    assert status == 2
    assert "GTVp lies wholly under labels that come after it" in " ".join(err.split())
    assert convert("--roi", "all=GTV.*", "--roi", "GTVp", "--merge")[0] == 0
    assert next(csv.DictReader(report.open()))["notes"] == "48 voxels of all lie under labels that come after it"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--roi", "BODY"], "BODY: nothing is drawn in it"),
        (["--roi", "Mandible"], "no region fits --roi Mandible"),
        (["--roi", "GTV("], "neither a name nor a regular expression"),
        (["--roi", "GTVp", "--roi", "GTVp=GTVn"], "every label needs a name of its own"),
        (["--roi", "GTVp", "--modality", "CT"], "the series that it names can't be used: its modality is MR"),
    ],
)
def test_mistakes_end_in_a_sentence(convert, options, sentence):
    status, _, err = convert(*options)
    assert status == 2
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err


def test_a_folder_without_structure_sets_is_refused(refused, tmp_path):
    write_series(tmp_path / "mr", VOXELS)
    options = ("--dataset", 950, "--roi", "GTV")
    shown = refused("convert", "dicom", tmp_path / "mr", tmp_path / "raw", *options)
    assert "no RTSTRUCT or SEG file among 4 DICOM files" in shown
    assert "there is no such folder" in refused("convert", "dicom", tmp_path / "absent", tmp_path / "raw", *options)


def test_mixed_modalities_are_refused_before_anything_is_written(convert, studies, tmp_path):
    for file in (studies / "Secret^Secret-B" / "0" / "mr").iterdir():
        content = pydicom.dcmread(file)
        content.Modality = "CT"
        content.save_as(file)
    status, _, err = convert("--roi", "GTVp")
    assert status == 2
    assert "the studies are of CT and MR: convert them one by one with --modality" in " ".join(err.split())
    assert not (tmp_path / "raw").exists()


def test_copies_of_a_structure_set_are_one_case(convert, studies):
    (file,) = (studies / "Secret^Secret-B" / "0").glob("rt")
    (studies / "copy.dcm").write_bytes(file.read_bytes())
    assert "3 of 3 cases converted" in convert("--roi", "GTVp")[1]


def test_cases_that_have_left_the_source_are_named(convert, studies):
    convert("--roi", "GTVp")
    for file in (studies / "Secret^Secret-B").rglob("*"):
        if file.is_file():
            file.unlink()
    status, _, err = convert("--roi", "GTVp")
    assert status == 2
    assert "NPC_003.nii.gz" in err
    assert "remove them" in " ".join(err.split())


@pytest.mark.data
def test_broken_structure_sets_are_refused_one_by_one(refused, shared_data, tmp_path):
    shown = refused(
        "convert", "dicom", shared_data / "rtstruct_odd", tmp_path, "--dataset", 952, "--roi", "GTV.*", "--merge"
    )
    assert "cases can't be converted" in shown
    assert "Traceback" not in shown
