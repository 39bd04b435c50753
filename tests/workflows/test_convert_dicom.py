import csv
import json
import stat

import pytest

from dicom_studies import VOXELS, read, second_slice, write_studies
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.convert_dicom import convert_dicom


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies")


@pytest.fixture
def convert(studies, tmp_path):
    def run(rois=None, **options):
        rois = {"GTVp": "GTVp"} if rois is None else rois
        return convert_dicom(studies, tmp_path / "raw", **{"dataset_id": 950, "rois": rois, "name": "NPC", **options})

    return run


def test_images_and_labels_are_written_and_returned(convert, tmp_path):
    result = convert({"GTVp": "GTVp", "nodes": "GTVn"})
    assert result.folder == tmp_path / "raw" / "Dataset950_NPC"
    assert (list(result.converted), result.problems) == (["NPC_001", "NPC_002", "NPC_003"], {})
    assert result.converted["NPC_001"].details["GTVp_regions"] == "GTV_primary"
    content = json.loads((result.folder / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "GTVp": 1, "nodes": 2}
    assert content["channel_names"] == {"0": "MR"}
    labels, _ = read(result.folder / "labelsTr" / "NPC_003.nii.gz")
    assert [(labels == value).sum() for value in (1, 2)] == [2 * 4 * 6, 3 * 3]
    assert (read(result.folder / "imagesTr" / "NPC_003_0000.nii.gz")[0] == VOXELS).all()


def test_progress_is_told_step_by_step(convert):
    told = []
    convert(on_progress=lambda *counts: told.append(counts))
    assert list(dict.fromkeys(step for step, _, _ in told)) == ["looking at files", "converting", "drawing"]
    assert told[0] == ("looking at files", 1, 15)
    assert told[-1] == ("drawing", 3, 3)


def test_a_bad_case_is_returned_with_its_reason(convert, studies):
    second_slice(studies / "Secret^Secret-B" / "0" / "mr").unlink()
    result = convert()
    assert list(result.converted) == ["NPC_001", "NPC_002"]
    assert list(result.problems) == ["NPC_003"]
    assert "the referenced series has slices for only 1 of 2 contours" in result.problems["NPC_003"]
    assert [row["status"] for row in csv.DictReader(result.report.open())] == ["converted", "converted", "failed"]


def test_regions_that_fit_a_pattern_are_merged_on_request(convert):
    reason = convert({"all": "GTV.*"}).problems["NPC_001"]
    assert reason.endswith("'BODY', 'GTV_primary', 'GTVn'; choose one of them, or add merge=True")
    assert convert({"all": "GTV.*"}, merge=True).problems == {}


def test_damaged_files_are_counted(convert, studies):
    file = next((studies / "Secret^Secret-B" / "0" / "mr").iterdir())
    (studies / "damaged.dcm").write_bytes(file.read_bytes()[:400])
    assert convert().n_damaged == 1


def test_ids_are_kept_on_request(convert):
    assert list(convert(keep_ids=True).converted) == ["Secret-A", "Secret-A_2", "Secret-B"]


def test_a_mapping_is_written_for_its_owner_alone_and_read_again(convert, studies, tmp_path):
    file = tmp_path / "private" / "map.csv"
    convert(mapping=str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (studies / "Secret^Secret-A").rename(tmp_path / "away")
    with pytest.raises(UserError, match="not in the source"):
        convert(mapping=file)
    rows = {row["case"]: row["PatientID"] for row in csv.DictReader(file.open())}
    assert rows == {"NPC_001": "Secret-A", "NPC_002": "Secret-A", "NPC_003": "Secret-B"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rois": {}}, "^rois: expected"),
        ({"rois": {"background": "BODY"}}, "^rois: "),
        ({"dataset_id": 0}, "^dataset_id: .*0"),
        ({"name": "../x"}, "^name: .*../x"),
        ({"contours": "RTSTRUCT"}, "^contours: .*RTSTRUCT"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_written(convert, tmp_path, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        convert(**options)
    assert not (tmp_path / "raw").exists()


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="folder not found"):
        convert_dicom(tmp_path / "absent", tmp_path / "raw", dataset_id=950, rois={"GTVp": "GTVp"})
