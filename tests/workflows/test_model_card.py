import json
import re
import shutil

import numpy as np
import pytest
import SimpleITK
import torch

import tiny_dataset
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.workflows.model_card import write_model_card
from tiny_checkpoint import CONFIGURATION, manager, write

HIDDEN = "MustermannHans"


@pytest.fixture
def model(tmp_path, write_volume):
    """A model of two folds that was never trained, with nnU-Net's files beside it; cases have a patient's name."""
    folder = tmp_path / "Dataset901_Tiny" / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    labels = {"background": 0, "GTVp": 1, "GTVn": 2}
    description = {"channel_names": {"0": "MRI"}, "numTraining": 6, "file_ending": ".nii.gz", "labels": labels}
    for fold in (0, 1):
        file = folder / f"fold_{fold}" / "checkpoint_final.pth"
        write(file, CSCNTrainer)
        checkpoint = torch.load(file, weights_only=False)
        checkpoint["logging"] = {
            "train_losses": [1.0, 0.5],
            "val_losses": [1.1, 0.7],
            "ema_fg_dice": [0.1, 0.2],
            "lrs": [0.01, 0.005],
            "epoch_start_timestamps": [0.0, 1800.0],
            "epoch_end_timestamps": [1800.0, 3600.0],
        }
        checkpoint["init_args"]["cscn"] = {"split": {"train": [f"{HIDDEN}_{n}" for n in range(4)], "val": ["x", "y"]}}
        torch.save(checkpoint, file)
        cases = []
        for number in (0, 1):
            case = f"{HIDDEN}_{fold}{number}"
            reference = np.zeros((4, 8, 8), dtype=np.uint8)
            reference[1:3, 2:6, 2:6] = 1
            write_volume(tmp_path / "labels" / f"{case}.nii.gz", reference)
            write_volume(folder / f"fold_{fold}" / "validation" / f"{case}.nii.gz", reference)
            dice = 0.6 + 0.1 * (2 * fold + number)  # 0.6, 0.7, 0.8, 0.9
            metrics = {"1": {"Dice": dice}, "2": {"Dice": float("nan")}}
            cases.append({"metrics": metrics, "prediction_file": f"/data/{case}.nii.gz"})
        summary = folder / f"fold_{fold}" / "validation" / "summary.json"
        summary.write_text(json.dumps({"metric_per_case": cases}), encoding="utf-8")
        debug = {"torch_version": "2.5.0", "device": "cuda", "gpu_name": "A GPU", "hostname": "secret-host"}
        (folder / f"fold_{fold}" / "debug.json").write_text(json.dumps(debug), encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    (folder / "plans.json").write_text(json.dumps(manager().plans), encoding="utf-8")
    fingerprint = {"spacings": [[3, 1, 1], [2, 1, 1], [5, 1, 1]], "shapes_after_crop": [[20, 64, 64]] * 3}
    (folder / "dataset_fingerprint.json").write_text(json.dumps(fingerprint), encoding="utf-8")
    return folder


def test_validation_cases_without_nnunets_summary_are_counted(model):
    for fold in (0, 1):
        (model / f"fold_{fold}" / "validation" / "summary.json").unlink()
    text = write_model_card(model, references=model.parents[1] / "labels").markdown.read_text(encoding="utf-8")
    assert "| 1 | checkpoint_final.pth | 4 | 2 | 2 | 1.00 | 0.5000 |" in text
    assert "Validation cases of fold 0, 1:" in text


def test_the_card_says_what_the_model_is(model):
    """By hand: mean of 0.6 to 0.9; two epochs of half an hour; spacings from 2 to 5 mm."""
    card = write_model_card(model)
    assert card.markdown == model / "model_card.md"
    text = card.markdown.read_text(encoding="utf-8")
    assert "| GTVp | DSC | 4 | 0 | 0.750 |" in text
    assert "| GTVn | DSC | 0 | 4 | - |" in text
    assert "3.00 (2.00 to 5.00) x 1.00 (1.00 to 1.00) x 1.00 (1.00 to 1.00)" in text
    assert "| 0 | checkpoint_final.pth | 4 | 2 | 2 | 1.00 | 0.5000 |" in text
    assert "nnUNetv2_train Dataset901_Tiny 3d_tiny 0 -tr CSCNTrainer -p nnUNetPlans" in text
    assert "only 6 cases" in text
    assert "A GPU" in text
    assert card.picture is not None
    assert card.picture.read_bytes().startswith(b"\x89PNG")
    score = card.scores[0]
    assert 0.6 <= score.low < score.mean < score.high <= 0.9
    n_parameters = sum(
        p.numel()
        for p in torch.load(model / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"].values()
        if p.is_floating_point()
    )
    assert card.facts.n_parameters == n_parameters


def test_no_names_of_cases_machines_or_paths_are_in_the_card(model, tmp_path):
    card = write_model_card(model, references=tmp_path / "labels", workers=1)
    for file in (card.markdown, card.html):
        text = file.read_text(encoding="utf-8")
        assert HIDDEN not in text
        assert "secret-host" not in text
        assert str(tmp_path) not in text


def test_references_add_distances(model, tmp_path):
    card = write_model_card(model, tmp_path / "out" / "card", references=tmp_path / "labels", workers=1)
    found = {(score.label, score.metric): score for score in card.scores}
    assert found["GTVp", "DSC"].mean == 1
    assert any("HD95" in metric and score.mean == 0 for (label, metric), score in found.items() if label == "GTVp")
    assert card.html == tmp_path / "out" / "card.html"


def test_the_page_needs_nothing_from_outside_and_shows_markup_as_text(model):
    file = model / "dataset.json"
    description = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**description, "licence": "<script>alert(1)</script>"}), encoding="utf-8")
    text = write_model_card(model).html.read_text(encoding="utf-8")
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []


def test_a_fold_that_has_not_finished_is_named(model):
    (model / "fold_1" / "checkpoint_final.pth").rename(model / "fold_1" / "checkpoint_latest.pth")
    shutil.rmtree(model / "fold_1" / "validation")
    text = write_model_card(model).markdown.read_text(encoding="utf-8")
    assert "not finished in fold 1" in text


def test_scores_of_cases_that_a_fold_was_trained_on_are_left_out(model):
    (model / "fold_1").rename(model / "fold_all")
    card = write_model_card(model)
    assert [score.n for score in card.scores] == [2, 0]
    assert "trained on all cases" in card.markdown.read_text(encoding="utf-8")


def test_other_folders_are_refused(model, tmp_path):
    with pytest.raises(ArgumentError, match="folder of a trained model"):
        write_model_card(tmp_path)
    (model / "fold_0" / "validation" / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="summary"):
        write_model_card(model)
    for fold in (0, 1):
        shutil.rmtree(model / f"fold_{fold}")
    with pytest.raises(ArgumentError, match="no trained fold"):
        write_model_card(model)


def test_damaged_files_are_named(model):
    labels = {"background": 0, "GTVp": 1}
    for name, content in (
        ("fold_0/validation/summary.json", {"metric_per_case": [{"metrics": [1]}]}),
        ("dataset.json", {"labels": labels, "channel_names": ["MRI"]}),
    ):
        there = (model / name).read_text(encoding="utf-8")
        (model / name).write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(UserError, match=name):
            write_model_card(model)
        (model / name).write_text(there, encoding="utf-8")
    checkpoint = torch.load(model / "fold_1" / "checkpoint_final.pth", weights_only=False)
    torch.save({**checkpoint, "logging": {"train_losses": 3}}, model / "fold_1" / "checkpoint_final.pth")
    with pytest.raises(UserError, match=r"checkpoint_final\.pth has no valid log"):
        write_model_card(model)


def test_a_note_on_the_training_that_cannot_be_read_is_left_out(model):
    for fold in (0, 1):
        (model / f"fold_{fold}" / "debug.json").write_text("null", encoding="utf-8")
    assert [fold.trained_with for fold in write_model_card(model).facts.folds] == [{}, {}]


def test_the_card_of_a_trained_model(trained_models, tmp_path):
    folder = trained_models("regions") / "results" / tiny_dataset.NAME / "CSCNTrainer__nnUNetPlans__3d_tiny"
    card = write_model_card(folder, tmp_path / "card")
    assert card.facts.folds[0].n_epochs == 1
    assert "iterations_per_epoch" in card.markdown.read_text(encoding="utf-8")


def test_a_model_of_another_file_format_has_a_card_too(model):
    """Predictions and references in NRRD, without nnU-Net's own measurements."""
    labels = model.parents[1] / "labels"
    for folder in (labels, *(model / f"fold_{fold}" / "validation" for fold in (0, 1))):
        (folder / "summary.json").unlink(missing_ok=True)
        for file in list(folder.glob("*.nii.gz")):
            SimpleITK.WriteImage(SimpleITK.ReadImage(str(file)), str(file).replace(".nii.gz", ".nrrd"))
            file.unlink()
    content = json.loads((model / "dataset.json").read_text(encoding="utf-8"))
    (model / "dataset.json").write_text(json.dumps({**content, "file_ending": ".nrrd"}), encoding="utf-8")
    text = write_model_card(model, references=labels).markdown.read_text(encoding="utf-8")
    assert re.search(r"\| GTVp \| DSC \| 4 \| 0 \| 1\.000 \|", text)
