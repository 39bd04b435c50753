import json
import pickle

import numpy as np
import pytest
from nnunetv2.postprocessing.remove_connected_components import apply_postprocessing as nnunets_apply

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.workflows.postprocess import apply_postprocessing, tune_postprocessing

N_CASES = 9
DATASET = {"labels": {"background": 0, "GTVp": 1, "GTVn": 2}}


def tumours(case):
    """A large tumour of 48 voxels and a node of 8; voxels have 0.00090 ml."""
    reference = np.zeros((6, 16, 16), dtype=np.uint8)
    reference[1:4, 2:6, 2:6] = 1
    reference[1:3, 10:12, 10 + case % 3 : 12 + case % 3] = 2
    return reference


@pytest.fixture
def model(tmp_path, write_volume):
    """Three folds; every prediction of GTVp has a far island of 12 voxels, GTVn is predicted exactly."""
    for case in range(N_CASES):
        reference = tumours(case)
        prediction = reference.copy()
        prediction[4:5, 1:4, 12:16] = 1
        write_volume(tmp_path / "labels" / f"case_{case}.nii.gz", reference)
        write_volume(tmp_path / "model" / f"fold_{case % 3}" / "validation" / f"case_{case}.nii.gz", prediction)
    (tmp_path / "model" / "dataset.json").write_text(json.dumps(DATASET), encoding="utf-8")
    return tmp_path / "model"


def test_what_helps_in_held_out_cases_is_chosen_and_written_for_nnunet_too(model, tmp_path):
    """By hand: DSC 96 / 108 with the island, 1 without."""
    tuned = tune_postprocessing(model, tmp_path / "labels", tmp_path / "pp.json", workers=1)
    gtvp, gtvn = tuned.labels
    assert gtvp.best.only_keep_largest
    assert gtvp.is_adopted
    assert (gtvp.found.before, gtvp.found.after) == pytest.approx((96 / 108, 1))
    assert gtvp.found.gain == gtvp.found.low == gtvp.found.high == pytest.approx(12 / 108)
    assert gtvn.best.change_nothing
    assert not gtvn.is_adopted
    assert tuned.n_folds == 3
    content = json.loads((tmp_path / "pp.json").read_text(encoding="utf-8"))
    assert content["postprocessing_fns"] == ["remove_all_but_largest_component_from_segmentation"]
    assert content["postprocessing_kwargs"] == [{"labels_or_regions": 1}]
    assert content["postprocessed"]["mean"]["1"]["Dice"] == 1
    functions, arguments = pickle.loads((tmp_path / "pp.pkl").read_bytes())
    label_map = read_voxels(model / "fold_0" / "validation" / "case_0.nii.gz")
    np.testing.assert_array_equal(nnunets_apply(label_map, functions, arguments), tumours(0))


def test_two_cases_decide_nothing(model, tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    for fold in (0, 1):
        (model / f"fold_{fold}" / "validation" / f"case_{fold}.nii.gz").rename(folder / f"case_{fold}.nii.gz")
    found = tune_postprocessing(
        folder, tmp_path / "labels", tmp_path / "pp.json", dataset_json=model / "dataset.json", workers=1
    ).labels[0]
    assert found.found.low > 0  # both gain
    assert not found.is_adopted


def test_what_was_chosen_is_applied(model, tmp_path):
    tune_postprocessing(model, tmp_path / "labels", tmp_path / "pp.json", workers=1)
    source = model / "fold_0" / "validation"
    changed = apply_postprocessing(source, tmp_path / "pp.json", tmp_path / "out", workers=1)
    np.testing.assert_array_equal(read_voxels(tmp_path / "out" / "case_0.nii.gz"), tumours(0))
    assert changed["case_0"]["GTVp"].removed_ml == pytest.approx(12 * 0.5 * 0.6 * 3 / 1000)
    assert changed["case_0"]["GTVn"].removed_ml == 0
    applied = json.loads((tmp_path / "out" / "postprocessing_applied.json").read_text(encoding="utf-8"))
    assert applied["cases"].keys() == {"case_0", "case_3", "case_6"}


def test_nnunets_own_file_is_applied(model, tmp_path):
    content = {
        "postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"] * 2,
        "postprocessing_kwargs": [{"labels_or_regions": [1, 2]}, {"labels_or_regions": 1}],
    }
    (tmp_path / "postprocessing.json").write_text(json.dumps(content), encoding="utf-8")
    apply_postprocessing(model / "fold_0" / "validation", tmp_path / "postprocessing.json", tmp_path / "out", workers=1)
    expected = np.where(tumours(0) == 1, 1, 0)
    np.testing.assert_array_equal(read_voxels(tmp_path / "out" / "case_0.nii.gz"), expected)


def test_what_gains_nothing_in_held_out_cases_is_not_used(tmp_path, write_volume):
    """In each case the largest component is wrong in another way: the best choice over all loses in every fold."""
    for case in range(4):
        reference = np.zeros((4, 12, 12), dtype=np.uint8)
        reference[1, 1:3, 1:3] = 1
        prediction = reference.copy()
        if case == 0:  # a small island: removing it helps this case alone
            prediction[3, 10, 10] = 1
        else:  # the tumour in two parts: removing the smaller one harms
            reference[3, 8:11, 8:11] = 1
            prediction[3, 8:11, 8:11] = 1
        write_volume(tmp_path / "labels" / f"case_{case}.nii.gz", reference)
        write_volume(tmp_path / "predictions" / f"case_{case}.nii.gz", prediction)
    (tmp_path / "predictions" / "dataset.json").write_text(
        json.dumps({"labels": {"background": 0, "GTVp": 1}}), encoding="utf-8"
    )
    tuned = tune_postprocessing(tmp_path / "predictions", tmp_path / "labels", tmp_path / "pp.json", workers=1)
    assert not tuned.labels[0].is_adopted
    assert tuned.labels[0].found.gain <= 0


def test_a_gain_whose_interval_reaches_0_is_not_used(tmp_path, write_volume):
    """An island in 2 of 9 cases. By hand: DSC 96 / 108 with it, 1 without; 10 % of bootstrap samples have neither."""
    for case in range(N_CASES):
        reference = np.where(tumours(case) == 1, 1, 0).astype(np.uint8)
        prediction = reference.copy()
        if case < 2:
            prediction[4:5, 1:4, 12:16] = 1
        write_volume(tmp_path / "labels" / f"case_{case}.nii.gz", reference)
        write_volume(tmp_path / "model" / f"fold_{case % 3}" / "validation" / f"case_{case}.nii.gz", prediction)
    (tmp_path / "model" / "dataset.json").write_text(json.dumps(DATASET), encoding="utf-8")
    found = tune_postprocessing(tmp_path / "model", tmp_path / "labels", tmp_path / "pp.json", workers=1).labels[0]
    assert found.best.only_keep_largest
    assert found.found.gain == pytest.approx(2 * 12 / 108 / 9)
    assert found.found.low == 0
    assert not found.is_adopted
    content = json.loads((tmp_path / "pp.json").read_text(encoding="utf-8"))
    assert content["postprocessed"]["mean"]["1"] == content["input_folder"]["mean"]["1"]


def test_thresholds_are_tuned_with_maps_and_need_them_when_applied(model, tmp_path, write_volume):
    for case in range(N_CASES):
        prediction = read_voxels(model / f"fold_{case % 3}" / "validation" / f"case_{case}.nii.gz")
        for label, value in (("GTVp", 1), ("GTVn", 2)):
            sure = np.where(tumours(case) == value, 0.9, np.where(prediction == value, 0.55, 0.0))
            write_volume(tmp_path / "maps" / label / f"case_{case}.nii.gz", sure.astype(np.float32))
    tuned = tune_postprocessing(
        model, tmp_path / "labels", tmp_path / "pp.json", probabilities=tmp_path / "maps", workers=1
    )
    assert tuned.labels[0].found.after == 1
    content = json.loads((tmp_path / "pp.json").read_text(encoding="utf-8"))
    content["cscn"]["labels"][0]["steps"] = {
        "threshold": 0.6,
        "fill_holes": False,
        "min_ml": 0,
        "keep_largest": False,
    }
    (tmp_path / "pp.json").write_text(json.dumps(content), encoding="utf-8")
    source = model / "fold_1" / "validation"
    with pytest.raises(ArgumentError, match="thresholds"):
        apply_postprocessing(source, tmp_path / "pp.json", tmp_path / "out", workers=1)
    apply_postprocessing(source, tmp_path / "pp.json", tmp_path / "out", probabilities=tmp_path / "maps", workers=1)
    np.testing.assert_array_equal(read_voxels(tmp_path / "out" / "case_1.nii.gz"), tumours(1))


def test_mistakes_are_told(model, tmp_path):
    (tmp_path / "regions.json").write_text(
        json.dumps({"labels": {"background": 0, "whole": [1, 2], "core": 2}}), encoding="utf-8"
    )
    with pytest.raises(ArgumentError, match="nnUNetv2_determine_postprocessing"):
        tune_postprocessing(
            model, tmp_path / "labels", tmp_path / "pp.json", dataset_json=tmp_path / "regions.json", workers=1
        )
    (tmp_path / "labels" / "case_4.nii.gz").unlink()
    with pytest.raises(UserError, match="case_4: without a reference"):
        tune_postprocessing(model, tmp_path / "labels", tmp_path / "pp.json", workers=1)
    with pytest.raises(ArgumentError, match="folder not found"):
        tune_postprocessing(tmp_path / "nowhere", tmp_path / "labels", tmp_path / "pp.json", workers=1)
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="no postprocessing"):
        apply_postprocessing(model / "fold_0" / "validation", tmp_path / "other.json", tmp_path / "out", workers=1)
    assert not (tmp_path / "pp.json").exists()


@pytest.mark.parametrize("name", ["pp.pkl", "labels"])
def test_a_name_that_is_no_json_file_is_refused_before_cases_are_read(tmp_path, name):
    (tmp_path / "labels").mkdir()
    with pytest.raises(ArgumentError, match="JSON"):
        tune_postprocessing(tmp_path / "nowhere", tmp_path / "labels", tmp_path / name)
    assert not (tmp_path / "pp.pkl").exists()
