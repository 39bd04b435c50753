import json
import zipfile

import numpy as np
import pytest
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.share_models import check_model, export_model, install_model
from sharing.conftest import CASES, NAME

PLACE = f"Dataset901_Tiny/{NAME}"


def weights_of(file):
    return torch.load(file, weights_only=False)["network_weights"]


def test_a_zip_holds_nnunets_layout_the_weights_beside_it_and_a_manifest(model, tmp_path):
    content = export_model(model, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read(f"{PLACE}/cscn_model.json"))
    folds = {f"{PLACE}/fold_{fold}/checkpoint_final{ending}" for fold in (0, 1) for ending in (".pth", ".safetensors")}
    summaries = {f"{PLACE}/fold_{fold}/validation/summary.json" for fold in (0, 1)}
    assert names == folds | summaries | {f"{PLACE}/{name}.json" for name in ("plans", "dataset", "cscn_model")}
    assert set(manifest["files"]) == {name.removeprefix(f"{PLACE}/") for name in names} - {"cscn_model.json"}
    assert manifest["model"]["trainer"] == "BUNetTrainer"
    assert manifest["model"]["n_cases"] == 3
    assert manifest["versions"].keys() == {"Python", "nnunet-cscn", "nnunetv2", "torch", "numpy"}
    told = {
        key: content["folds"][1][key] for key in ("fold", "n_training_cases", "n_validation_cases", "validation_dice")
    }
    assert told == {"fold": "1", "n_training_cases": 2, "n_validation_cases": 1, "validation_dice": 0.75}


def test_a_model_card_is_included(model, tmp_path):
    (model / "model_card.md").write_text("# Card", encoding="utf-8")
    (model / "model_card_curves.png").write_bytes(b"curves")
    export_model(model, tmp_path / "out.zip", folds=[0])
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read(f"{PLACE}/model_card.md") == b"# Card"
        assert archive.read(f"{PLACE}/model_card_curves.png") == b"curves"


def test_no_case_is_named_unless_asked_for(model, tmp_path):
    for asked in (False, True):
        export_model(model, tmp_path / f"{asked}.zip", case_names=asked)
        with zipfile.ZipFile(tmp_path / f"{asked}.zip") as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert b"/home/doe" not in content
        assert [case.encode() in content for case in CASES] == [asked] * 3


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    for name in ("one", "two"):
        export_model(model, tmp_path / name / "out.zip", folds=[0])
    assert (tmp_path / "one" / "out.zip").read_bytes() == (tmp_path / "two" / "out.zip").read_bytes()


@pytest.mark.parametrize("pickles", [True, False])
def test_an_exported_model_is_installed_with_the_same_weights(model, tmp_path, results, pickles):
    export_model(model, tmp_path / "out.zip", pickles=pickles)
    (checked,) = check_model(tmp_path / "out.zip")
    assert (checked.problems, checked.foreign, checked.notes) == ((), (), ())
    installed = install_model(tmp_path / "out.zip")
    assert installed.places == (results / "Dataset901_Tiny" / NAME,)
    for fold in ("fold_0", "fold_1"):
        before = weights_of(model / fold / "checkpoint_final.pth")
        after = weights_of(results / PLACE / fold / "checkpoint_final.pth")
        assert before.keys() == after.keys()
        assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert [path.name for path in results.iterdir()] == ["Dataset901_Tiny"]


def test_nnunet_predicts_with_an_installed_model_as_with_the_one_before(model, tmp_path, results):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    export_model(model, tmp_path / "out.zip", pickles=False)
    install_model(tmp_path / "out.zip")
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 8, 24, 24)).astype("float32"))
    logits = []
    for folder in (model, results / PLACE):
        predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(folder), (0, 1), "checkpoint_final.pth")
        logits.append(predictor.predict_logits_from_preprocessed_data(image))
    assert torch.equal(*logits)


def test_chosen_folds_alone_are_passed_on(model, tmp_path):
    assert [fold["fold"] for fold in export_model(model, tmp_path / "out.zip", folds=[1])["folds"]] == ["1"]
    with pytest.raises(UserError, match="in fold 3; available: 0, 1"):
        export_model(model, tmp_path / "other.zip", folds=[3])


@pytest.mark.parametrize(("out", "words"), [("out.tar", "ends with .zip"), ("there.zip", "there already")])
def test_a_zip_that_cannot_be_written_is_refused(model, tmp_path, out, words):
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(UserError, match=words):
        export_model(model, tmp_path / out)
    assert (tmp_path / "there.zip").read_text() == "mine"


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="TRAINER__PLANS__CONFIGURATION"):
        export_model(tmp_path, tmp_path / "out.zip")


def test_a_score_that_is_not_defined_is_passed_on(model, tmp_path):
    summary = {"foreground_mean": {"Dice": float("nan")}, "mean": {}, "metric_per_case": []}
    (model / "fold_0" / "validation" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    export_model(model, tmp_path / "out.zip")
    assert check_model(tmp_path / "out.zip")[0].problems == ()


def test_a_summary_of_another_kind_is_named(model, tmp_path):
    (model / "fold_0" / "validation" / "summary.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="not a summary"):
        export_model(model, tmp_path / "out.zip")
