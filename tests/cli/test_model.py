import json

import pytest
import torch

import hostile_files
from sharing.conftest import NAME, model, results, zipped  # noqa: F401


def test_a_model_is_exported_checked_and_installed(cscn, model, results, tmp_path):  # noqa: F811
    status, shown, _ = cscn("model", "export", model, tmp_path / "out.zip", "-f", 0, 1, "--json", tmp_path / "a.json")
    assert status == 0
    assert "folds 0, 1" in shown
    assert [fold["fold"] for fold in json.loads((tmp_path / "a.json").read_text())["folds"]] == ["0", "1"]
    status, shown, _ = cscn("model", "check", tmp_path / "out.zip", "--json", tmp_path / "b.json")
    assert status == 0
    for words in ("BUNetTrainer", "background: 0, GTVp: 1", "validation DSC 0.750", "no problems found"):
        assert words in shown
    (checked,) = json.loads((tmp_path / "b.json").read_text())["models"]
    assert (checked["trainer"], checked["problems"]) == ("BUNetTrainer", [])
    status, shown, _ = cscn("model", "install", tmp_path / "out.zip")
    assert status == 0
    assert f"installed: {results / 'Dataset901_Tiny' / NAME}" in shown


def test_what_is_wrong_ends_with_status_2_and_all_reasons(refused, cscn, model):  # noqa: F811
    (model / "dataset.json").write_text("{")
    (model / "fold_0" / "checkpoint_final.pth").write_bytes(b"")
    shown = refused("model", "check", model)
    assert "dataset.json is not valid JSON" in shown
    assert "fold_0/checkpoint_final.pth is not an nnU-Net checkpoint" in shown


def test_the_flags_are_named(refused, model, results, tmp_path):  # noqa: F811
    (tmp_path / "out.zip").write_text("mine")
    assert "add --overwrite" in refused("model", "export", model, tmp_path / "out.zip")


@pytest.mark.parametrize("command", ["check", "install"])
def test_a_missing_zip_is_told(refused, results, tmp_path, command):  # noqa: F811
    assert "none.zip does not exist" in refused("model", command, tmp_path / "none.zip")


@pytest.mark.parametrize(
    "command",
    [("model", "card", "{model}", "-o", "{out}/card"), ("curves", "{model}/fold_0", "-o", "{out}/curves.png")],
)
def test_code_in_a_checkpoint_runs_only_with_trust(refused, cscn, model, tmp_path, monkeypatch, command):  # noqa: F811
    monkeypatch.setenv("CSCN_TRUST", "0")  # restored afterwards: --trust sets it
    file = model / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=False)
    content["logging"] = {key: [0.5] for key in ("lrs", "train_losses", "val_losses", "mean_fg_dice", "ema_fg_dice")}
    file.write_bytes(hostile_files.spoilt(content, tmp_path / "ran"))
    arguments = [word.format(model=model, out=tmp_path) for word in command]
    assert "os.system" in refused(*arguments)
    assert not (tmp_path / "ran").exists()
    status, _, message = cscn(*arguments, "--trust")
    assert status == 0, message
    assert (tmp_path / "ran").exists()


def test_another_folder_is_refused_in_one_sentence(refused, tmp_path):
    assert "MODEL: expected a folder of a trained model" in " ".join(refused("model", "card", tmp_path).split())
