import csv
import gzip
import json
import stat

import pydicom

from dicom_files import oblique, write_series, write_structures
from dicom_studies import VOXELS, second_slice, square

SECRETS = ("Secret", "20260102")


def test_cases_of_one_patient_stay_in_one_fold(convert_dicom, tmp_path):
    convert_dicom("--roi", "GTVp")
    folder = tmp_path / "raw" / "Dataset950_NPC"
    patients = json.loads((folder / "patients.json").read_text())
    assert patients == {"NPC_001": "patient_001", "NPC_002": "patient_001", "NPC_003": "patient_002"}
    for fold in json.loads((folder / "splits_final.json").read_text()):
        assert not {patients[case] for case in fold["train"]} & {patients[case] for case in fold["val"]}


def test_nobody_is_exposed(convert_dicom, tmp_path):
    _, out, err = convert_dicom("--roi", "GTVp")
    for secret in SECRETS:
        assert secret not in out + err
        for file in (tmp_path / "raw").rglob("*"):
            assert secret not in file.name
            if file.is_file():
                content = file.read_bytes()
                assert secret.encode() not in content
                assert file.suffix != ".gz" or secret.encode() not in gzip.decompress(content)


def test_a_mapping_is_written_on_request_for_its_owner_alone(convert_dicom, tmp_path):
    convert_dicom("--roi", "GTVp", "--mapping", tmp_path / "private" / "map.csv")
    file = tmp_path / "private" / "map.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(file.open()))
    assert [(row["case"], row["PatientID"]) for row in rows] == [
        ("NPC_001", "Secret-A"),
        ("NPC_002", "Secret-A"),
        ("NPC_003", "Secret-B"),
    ]


def test_a_new_patient_leaves_the_numbers_of_a_mapping_alone(convert_dicom, studies, tmp_path):
    mapping = ("--mapping", tmp_path / "map.csv")
    convert_dicom("--roi", "GTVp", *mapping)
    slices = write_series(studies / "new" / "mr", VOXELS, orientation=oblique(), patient="Secret-0")
    write_structures(
        studies / "new" / "rt",
        {"GTVp": [square(slices, 1, (3.5, 5.5), (7.5, 11.5))]},
        slices=slices,
        patient="Secret-0",
    )
    status, out, err = convert_dicom("--roi", "GTVp", *mapping)
    assert status == 0, err
    assert "4 of 4 cases converted, 3 of them already there" in out
    rows = {row["PatientID"]: row["case"] for row in csv.DictReader((tmp_path / "map.csv").open())}
    assert (rows["Secret-B"], rows["Secret-0"]) == ("NPC_003", "NPC_004")


def test_a_mapping_keeps_who_is_away_and_tells_it(convert_dicom, studies, tmp_path):
    mapping = ("--mapping", tmp_path / "map.csv")
    convert_dicom("--roi", "GTVp", *mapping)
    (studies / "Secret^Secret-A").rename(tmp_path / "away")
    status, _, err = convert_dicom("--roi", "GTVp", *mapping)
    assert status == 2
    assert "files that are not in the source" in " ".join(err.split())
    (tmp_path / "away").rename(studies / "Secret^Secret-A")
    status, out, err = convert_dicom("--roi", "GTVp", *mapping)
    assert status == 0, err
    assert "3 of them already there" in out


def test_structure_sets_that_share_a_uid_by_mistake_are_two_of_one_case(convert_dicom, studies, tmp_path):
    """They were drawn on the same images, of which there is one case, also in a mapping and again."""
    file = studies / "Secret^Secret-B" / "0" / "rt"
    content = pydicom.dcmread(file)
    content.StructureSetROISequence[1].ROIName = "GTVp"
    content.save_as(studies / "Secret^Secret-B" / "0" / "rt2")
    for _ in range(2):
        assert "3 of 3 cases converted" in convert_dicom("--roi", "GTVp", "--mapping", tmp_path / "map.csv")[1]
    assert len(list(csv.DictReader((tmp_path / "map.csv").open()))) == 3


def test_a_structure_set_that_was_exported_again_is_a_copy(convert_dicom, studies):
    content = pydicom.dcmread(studies / "Secret^Secret-B" / "0" / "rt")
    content.file_meta.ImplementationVersionName = "OTHER"
    content.save_as(studies / "Secret^Secret-B" / "0" / "rt2")
    assert "3 of 3 cases converted" in convert_dicom("--roi", "GTVp")[1]


def test_folds_have_no_empty_side_when_a_patient_fails(convert_dicom, studies, tmp_path):
    """Only one patient with two cases is left, so folds are impossible."""
    second_slice(studies / "Secret^Secret-B" / "0" / "mr").unlink()
    assert convert_dicom("--roi", "GTVp")[0] == 2
    assert not (tmp_path / "raw" / "Dataset950_NPC" / "splits_final.json").exists()


def test_ids_are_kept_on_request(convert_dicom, tmp_path):
    status, _, err = convert_dicom("--roi", "GTVp", "--keep-ids")
    assert status == 0, err
    folder = tmp_path / "raw" / "Dataset950_NPC"
    assert json.loads((folder / "patients.json").read_text()) == {
        "Secret-A": "Secret-A",
        "Secret-A_2": "Secret-A",
        "Secret-B": "Secret-B",
    }
    assert (folder / "labelsTr" / "Secret-A_2.nii.gz").is_file()


def test_a_structure_set_without_a_patient_belongs_to_the_one_of_its_study(convert_dicom, studies, tmp_path):
    file = studies / "Secret^Secret-B" / "0" / "rt"
    content = pydicom.dcmread(file)
    content.PatientID = ""
    content.save_as(file)
    status, _, err = convert_dicom("--roi", "GTVp")
    assert status == 0, err
    patients = json.loads((tmp_path / "raw" / "Dataset950_NPC" / "patients.json").read_text())
    assert patients["NPC_003"] == "patient_002"


def test_copies_of_a_structure_set_are_one_case(convert_dicom, studies):
    (file,) = (studies / "Secret^Secret-B" / "0").glob("rt")
    (studies / "copy.dcm").write_bytes(file.read_bytes())
    assert "3 of 3 cases converted" in convert_dicom("--roi", "GTVp")[1]


def test_cases_that_have_left_the_source_are_named(convert_dicom, studies):
    convert_dicom("--roi", "GTVp")
    for file in (studies / "Secret^Secret-B").rglob("*"):
        if file.is_file():
            file.unlink()
    status, _, err = convert_dicom("--roi", "GTVp")
    assert status == 2
    assert "NPC_003.nii.gz" in err
    assert "delete them" in " ".join(err.split())
