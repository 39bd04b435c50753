import json

import numpy as np
import pytest

from nnunet_cscn.conversion.catalogue import PUBLIC_DATASETS
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.convert_dataset import convert_dataset

IMAGE = np.arange(3 * 8 * 10, dtype=np.int16).reshape(3, 8, 10)
LABELS = (IMAGE > 200).astype(np.uint8)


@pytest.fixture
def hnts(tmp_path, write_volume):
    for stage in ("pre", "mid"):
        write_volume(tmp_path / "hnts" / "2" / f"{stage}RT" / f"2_{stage}RT_T2.nii.gz", IMAGE)
        write_volume(tmp_path / "hnts" / "2" / f"{stage}RT" / f"2_{stage}RT_mask.nii.gz", LABELS)
    return tmp_path / "hnts"


def test_a_pair_of_folders_lands_in_nnunets_folder_with_five_fixed_folds(paired_source, empty_nnunet_folders):
    result = convert_dataset("sts", str(paired_source))
    assert result.folder == empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS"
    assert list(result.converted) == [f"case_{number}" for number in range(1, 7)]
    assert json.loads((result.folder / "splits_final.json").read_text())[0]["val"] == ["case_1", "case_6"]


def test_the_first_variant_is_the_usual_one_and_others_are_chosen(hnts, tmp_path):
    assert convert_dataset("hnts-mrg", hnts, tmp_path / "raw").folder.name == "Dataset924_HNTSMRGpre"
    result = convert_dataset("hnts-mrg", hnts, tmp_path / "raw", variant="mid", dataset_id=12)
    assert result.folder.name == "Dataset012_HNTSMRGmid"
    assert list(result.converted) == ["HNTSMRG_002_mid"]


def test_other_grids_are_resampled_on_request(hnts, tmp_path, write_volume):
    mask = np.repeat(LABELS, 2, axis=2)
    write_volume(hnts / "2" / "preRT" / "2_preRT_mask.nii.gz", mask, spacing_mm=(0.25, 0.6, 3.0))
    reason = convert_dataset("hnts-mrg", hnts, tmp_path / "raw").problems["HNTSMRG_002_pre"]
    assert "add resample=True" in reason
    assert convert_dataset("hnts-mrg", hnts, tmp_path / "raw", resample=True).problems == {}


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("brats", {}, "^name: .*brats"),
        ("hnts-mrg", {"variant": "post"}, "^variant: .*post"),
        ("lgg", {"variant": "pre"}, "^variant: .*pre"),
        ("lgg", {"resample": True}, "resample: .*lgg"),
    ],
)
def test_a_wrong_argument_is_named(tmp_path, name, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        convert_dataset(name, tmp_path, tmp_path / "raw", **options)


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_an_absent_download_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"folder not found|found no folder"):
        convert_dataset(name, tmp_path / "absent", tmp_path / "raw")
    assert not (tmp_path / "raw").exists()
