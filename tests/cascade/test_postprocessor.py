import json
import shutil

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cscn.cascade.manifest import MANIFEST, check_maps, open_cases, stage_one_maps
from nnunet_cscn.cascade.postprocessor import make_maps, write_manifest
from nnunet_cscn.errors import UserError

CPU = torch.device("cpu")


def test_each_map_is_the_prediction_of_the_fold_that_did_not_see_the_case(stage_one):
    """Compared with nnU-Net's predictor for each fold. The networks of the other folds give different maps."""
    cases = open_cases(stage_one)
    for case, own_fold in stage_one.fold_of.items():
        stored = np.asarray(stage_one_maps(stage_one).load(case)[:]).astype(np.float32)
        image = torch.from_numpy(np.array(cases.load_case(case)[0][:]))
        differences = []
        for fold in range(5):
            predictor = nnUNetPredictor(device=CPU, perform_everything_on_device=False, allow_tqdm=False)
            predictor.initialize_from_trained_model_folder(str(stage_one.folder), (fold,), "checkpoint_final.pth")
            logits = predictor.predict_logits_from_preprocessed_data(image).float()
            differences.append(np.abs(logits.softmax(0)[1:].numpy() - stored).max())
        assert int(np.argmin(differences)) == own_fold
        assert differences[own_fold] < 1e-3  # half precision
        assert sorted(differences)[1] > 1e-2
        if case == "case_1":
            break


def test_maps_are_probabilities_of_the_foreground_on_the_preprocessed_grid(stage_one):
    manifest = check_maps(stage_one)
    assert set(manifest.cases) == {f"case_{i}" for i in range(6)}
    cases = open_cases(stage_one)
    for case, provenance in manifest.cases.items():
        voxels = np.asarray(stage_one_maps(stage_one).load(case)[:])
        assert voxels.dtype == np.float16
        assert voxels.shape == provenance.shape == (2, *cases.load_case(case)[0].shape[1:])
        assert voxels.astype(np.float32).sum(axis=0).max() <= 1 + 2e-3
        assert provenance.fold == stage_one.fold_of[case]


def test_maps_stay_out_of_nnunets_listing_of_cases(stage_one):
    data = stage_one.preprocessed / stage_one.plan["data_identifier"]
    assert data not in stage_one_maps(stage_one).folder.parents
    assert sorted(open_cases(stage_one).identifiers) == [f"case_{i}" for i in range(6)]


def test_a_second_run_makes_nothing_and_a_missing_or_broken_map_alone_is_made_again(stage_one):
    maps = stage_one_maps(stage_one)
    assert make_maps(stage_one, device=CPU) == []
    before = {case: maps.file(case).read_bytes() for case in stage_one.fold_of}
    maps.file("case_2").unlink()
    maps.file("case_4").write_bytes(before["case_4"][:-7])
    assert sorted(make_maps(stage_one, device=CPU)) == ["case_2", "case_4"]
    check_maps(stage_one)


def test_parts_together_make_every_map_once(stage_one):
    shutil.rmtree(stage_one_maps(stage_one).folder)
    made = [make_maps(stage_one, device=CPU, part=(index, 4)) for index in range(4)]
    assert sorted(case for part in made for case in part) == [f"case_{i}" for i in range(6)]
    assert max(len(part) for part in made) == 2


def test_a_retrained_fold_makes_its_maps_stale_and_no_others(stage_one):
    file = stage_one.checkpoint_of(1)
    checkpoint = torch.load(file, weights_only=False)
    weights = checkpoint["network_weights"]
    key = next(iter(weights))
    weights[key] = weights[key] + 0.1
    torch.save(checkpoint, file)
    with pytest.raises(UserError, match=r"different checkpoints.*cscn cascade"):
        check_maps(stage_one)
    assert sorted(make_maps(stage_one, device=CPU)) == sorted(stage_one.splits[1]["val"])
    write_manifest(stage_one)
    check_maps(stage_one)


def test_an_image_that_was_preprocessed_anew_makes_its_map_stale(stage_one):
    data = stage_one.preprocessed / stage_one.plan["data_identifier"]
    shutil.copy(data / "case_0.b2nd", data / "case_3.b2nd")
    with pytest.raises(UserError) as refused:
        check_maps(stage_one)
    assert "1 of 6 stage-one maps are not valid:\n  case_3: its image was preprocessed again\n" in str(refused.value)
    assert make_maps(stage_one, device=CPU) == ["case_3"]


def test_without_maps_the_command_is_named(stage_one):
    shutil.rmtree(stage_one_maps(stage_one).folder)
    with pytest.raises(UserError, match=r"no stage-one maps.*cscn cascade Dataset901_Tiny"):
        check_maps(stage_one)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.unlink(), "has no map"),
        (lambda file: file.write_bytes(file.read_bytes()[:200]), "its map is truncated or damaged"),
    ],
)
def test_all_bad_maps_are_listed(stage_one, damage, reason):
    for case in ("case_1", "case_5"):
        damage(stage_one_maps(stage_one).file(case))
    with pytest.raises(UserError) as refused:
        check_maps(stage_one)
    assert f"2 of 6 stage-one maps are not valid:\n  case_1: {reason}\n  case_5: {reason}\n" in str(refused.value)


def test_no_maps_are_made_on_a_split_that_stage_one_was_not_trained_on(stage_one):
    file = stage_one.preprocessed / "splits_final.json"
    splits = json.loads(file.read_text())
    splits[0], splits[1] = splits[1], splits[0]
    file.write_text(json.dumps(splits))
    with pytest.raises(UserError, match=r"splits_final\.json changed"):
        make_maps(stage_one, device=CPU)
    with pytest.raises(UserError, match=r"splits_final\.json changed.*stage-one maps"):
        check_maps(stage_one, has_stage_one=False)


def test_other_labels_are_noticed_where_stage_one_is_gone(stage_one):
    file = stage_one.preprocessed / "dataset.json"
    content = json.loads(file.read_text())
    content["labels"] = {"background": 0, "GTVn": 2, "GTVp": 1}
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="different labels"):
        check_maps(stage_one, has_stage_one=False)


def test_a_network_that_went_astray_is_named(stage_one):
    file = stage_one.checkpoint_of(1)
    checkpoint = torch.load(file, weights_only=False)
    for weights in checkpoint["network_weights"].values():
        weights.fill_(float("nan"))
    torch.save(checkpoint, file)
    with pytest.raises(UserError, match=r"valid probabilities for case_\d.*nnUNetv2_train"):
        make_maps(stage_one, device=CPU)


def test_maps_of_an_older_version_are_noticed(stage_one, monkeypatch):
    monkeypatch.setattr("nnunet_cscn.cascade.manifest.FORMAT", 2)
    with pytest.raises(UserError, match=r"case_0: .*older version"):
        check_maps(stage_one)


def test_no_manifest_is_written_while_a_map_is_missing(stage_one):
    stage_one_maps(stage_one).file("case_3").unlink()
    with pytest.raises(UserError, match="no map of case_3"):
        write_manifest(stage_one)


@pytest.mark.parametrize("content", ["[]", "{}", '{"cases": {"case_0": {}}}'])
def test_a_manifest_that_is_none_is_refused(stage_one, content):
    (stage_one_maps(stage_one).folder / MANIFEST).write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json"):
        check_maps(stage_one)


def test_where_stage_one_was_never_seen_the_maps_serve_a_training_that_goes_on(stage_one):
    shutil.rmtree(stage_one.folder)
    check_maps(stage_one, has_stage_one=False)
    with pytest.raises(UserError, match=r"not finished.* 0, 1, 2, 3, 4"):
        check_maps(stage_one)


def test_cases_that_are_not_preprocessed_are_told(stage_one):
    shutil.rmtree(stage_one.preprocessed / stage_one.plan["data_identifier"])
    with pytest.raises(UserError, match="nnUNetv2_preprocess -d 901 -plans_name nnUNetPlans -c 3d_tiny"):
        make_maps(stage_one, device=CPU)


def test_a_plan_without_a_name_for_its_data_is_refused(stage_one):
    file = stage_one.preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    del plans["configurations"]["3d_fullres"]["data_identifier"]  # from which 3d_tiny inherits it
    file.write_text(json.dumps(plans))
    with pytest.raises(UserError, match="data_identifier"):
        check_maps(stage_one)


def test_a_description_without_labels_is_refused(stage_one):
    file = stage_one.preprocessed / "dataset.json"
    content = json.loads(file.read_text())
    del content["labels"]
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"dataset\.json.*labels"):
        check_maps(stage_one)
