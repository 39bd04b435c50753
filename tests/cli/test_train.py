"""`cscn train` with stand-ins for nnU-Net's command, which takes half a minute a fold; tests/stock has the real one."""

import json
import os
import sys

import pytest
from typer.testing import CliRunner

import tiny_dataset
from nnunet_cscn.cli.main import app
from nnunet_cscn.execution import jobs
from tiny_training import CONFIGURATION

STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys
_, dataset, configuration, fold, _, trainer, _, plans, _, device, *rest = sys.argv
results = pathlib.Path(os.environ["nnUNet_results"])
folder = results / dataset / f"{{trainer}}__{{plans}}__{{configuration}}" / f"fold_{{fold}}"
(folder / "validation").mkdir(parents=True, exist_ok=True)
with (results / "calls").open("a") as calls:
    calls.write(json.dumps([trainer, fold, device, *rest]) + "\\n")
if (results / "fail").exists():
    sys.exit("RuntimeError: it broke")
(folder / "checkpoint_final.pth").touch()
(folder / "validation" / "summary.json").touch()
"""


@pytest.fixture
def folders(staged_folders, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)
    command = tmp_path / "bin" / "nnUNetv2_train"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(0o755)
    monkeypatch.setattr("nnunet_cscn.execution.commands.executable", lambda name: f"{command.parent}{os.sep}{name}")
    return staged_folders("labels")


def train(*arguments):
    return CliRunner().invoke(app, ["train", "901", CONFIGURATION, "--devices", "cpu", *arguments])


def calls(folders):
    file = folders / "results" / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_every_fold_is_trained_once(folders):
    shown = train()
    assert shown.exit_code == 0, shown.output
    assert sorted(calls(folders)) == [["CSCNTrainer", str(fold), "cpu"] for fold in range(5)]
    shown = train()
    assert "CSCNTrainer fold 4 is finished" in shown.output
    assert len(calls(folders)) == 5


def test_chosen_folds_of_a_chosen_trainer(folders):
    assert train("-tr", "ACDNetTrainer_5epochs", "-f", "1,3").exit_code == 0
    assert sorted(calls(folders)) == [["ACDNetTrainer_5epochs", "1", "cpu"], ["ACDNetTrainer_5epochs", "3", "cpu"]]


def test_an_interrupted_fold_goes_on(folders):
    fold = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_2"
    fold.mkdir(parents=True)
    (fold / "checkpoint_latest.pth").touch()
    assert train("-f", "2").exit_code == 0
    assert calls(folders) == [["CSCNTrainer", "2", "cpu", "--c"]]


def test_failures_are_told_with_status_1(folders, monkeypatch, capsys):
    from nnunet_cscn.cli.main import main

    (folders / "results" / "fail").touch()
    monkeypatch.setattr(sys, "argv", ["cscn", "train", "901", CONFIGURATION, "--devices", "cpu", "-f", "0,1"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    shown = capsys.readouterr().err
    assert "CSCNTrainer fold 0: `nnUNetv2_train" in shown
    assert "CSCNTrainer fold 1: `nnUNetv2_train" in shown
    assert "RuntimeError: it broke" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["-f", "a"], "--folds: expected numbers"), (["-p", "otherPlans"], "has no plans otherPlans")],
)
def test_mistakes_end_with_status_2(folders, refused, arguments, sentence):
    assert sentence in refused("train", "901", CONFIGURATION, "--devices", "cpu", *arguments)
    assert calls(folders) == []
