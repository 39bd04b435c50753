"""`cscn train` with fast replacements for nnU-Net's command. tests/stock uses the real command."""

import json
import shutil
import sys

import pytest
import torch
from typer.testing import CliRunner

import finished_training
import tiny_dataset
from nnunet_cscn.cascade.manifest import check_maps, stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.cli.main import app
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
{finished_training.PROGRAM}"""


@pytest.fixture
def folders(staged_folders, stand_in_for_training):
    stand_in_for_training(STAND_IN)
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


def test_one_model_of_all_cases(folders):
    assert train("-f", "all").exit_code == 0
    assert calls(folders) == [["CSCNTrainer", "all", "cpu"]]


def test_an_interrupted_fold_goes_on(folders):
    fold = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_2"
    fold.mkdir(parents=True)
    finished_training.write_checkpoint(fold / "checkpoint_latest.pth")
    assert train("-f", "2").exit_code == 0
    assert calls(folders) == [["CSCNTrainer", "2", "cpu", "--c"]]


def test_a_finished_fold_with_damaged_files_is_told_and_done_again(folders):
    assert train("-f", "2").exit_code == 0
    fold = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_2"
    summary, checkpoint = fold / "validation" / "summary.json", fold / "checkpoint_final.pth"
    whole = checkpoint.read_bytes()
    summary.write_text('{"foreground_mean": {}}')
    shown = train("-f", "2")
    assert f"{summary} was incomplete or damaged and has been removed" in shown.output
    checkpoint.write_bytes(whole.replace(b"}.", b"}!", 1))
    shown = train("-f", "2")
    assert f"{checkpoint} was incomplete or damaged and has been removed" in shown.output
    once = ["CSCNTrainer", "2", "cpu"]
    assert calls(folders) == [once, [*once, "--c"], once]
    assert "is finished" in train("-f", "2").output


def test_new_trainings_start_from_pretrained_weights_and_interrupted_ones_go_on(folders, tmp_path):
    fold = folders / "results" / tiny_dataset.NAME / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_2"
    fold.mkdir(parents=True)
    finished_training.write_checkpoint(fold / "checkpoint_latest.pth")
    weights = tmp_path / "start.pth"
    finished_training.write_checkpoint(weights)
    assert train("-f", "1", "2", "-pretrained_weights", str(weights)).exit_code == 0
    expected = [["CSCNTrainer", "1", "cpu", "-pretrained_weights", str(weights)], ["CSCNTrainer", "2", "cpu", "--c"]]
    assert sorted(calls(folders)) == expected


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


def test_a_fold_named_twice_is_trained_once(folders):
    assert train("-f", "1,1").exit_code == 0
    assert calls(folders) == [["CSCNTrainer", "1", "cpu"]]


def test_staged_trains_stage_one_then_makes_the_maps_then_trains_stage_two(folders):
    stage_one = StageOne(tiny_dataset.NAME, CONFIGURATION)
    shutil.rmtree(stage_one_maps(stage_one).folder)
    shown = train("--staged", "-f", "0,2")
    assert shown.exit_code == 0, shown.output
    # the folds of stage one have a checkpoint but no validation, so they are resumed
    expected = [["BUNetTrainer", str(fold), "cpu", "--c"] for fold in range(5)]
    assert sorted(calls(folders)[:5]) == expected
    assert sorted(calls(folders)[5:]) == [["CSCNStagedTrainer", "0", "cpu"], ["CSCNStagedTrainer", "2", "cpu"]]
    check_maps(stage_one)


def test_splits_that_leave_cases_out_are_refused_before_anything_is_trained(folders, refused):
    file = folders / "preprocessed" / tiny_dataset.NAME / "splits_final.json"
    file.write_text(json.dumps(json.loads(file.read_text())[:3]))
    assert "no fold has these cases in its validation set" in refused(
        "train", "901", CONFIGURATION, "--devices", "cpu", "--staged"
    )
    assert calls(folders) == []


def test_a_second_stage_of_an_older_stage_one_is_named(folders, refused):
    fold = folders / "results" / tiny_dataset.NAME / f"CSCNStagedTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_1"
    fold.mkdir(parents=True)
    checkpoint = torch.load(StageOne(tiny_dataset.NAME, CONFIGURATION).checkpoint_of(1), weights_only=False)
    checkpoint["init_args"]["cscn"]["stage_one"] = {0: "older"}
    torch.save(checkpoint, fold / "checkpoint_latest.pth")
    shown = refused("train", "901", CONFIGURATION, "--devices", "cpu", "--staged")
    assert "stage-one probability maps changed" in shown
    assert str(fold) in shown
    assert not [call for call in calls(folders) if call[0] == "CSCNStagedTrainer"]


def test_where_there_are_no_folds_yet_nnunets_are_made(folders):
    file = folders / "preprocessed" / tiny_dataset.NAME / "splits_final.json"
    made_by_nnunet = json.loads(file.read_text())
    file.unlink()
    assert train("-f", "0").exit_code == 0
    assert json.loads(file.read_text()) == made_by_nnunet


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--staged", "-tr", "BUNetTrainer"], ": BUNetTrainer is not a trainer of stage two"),
        (["-f", "a"], "--folds: expected numbers"),
        (["-f", "7"], "has no fold 7: expected 0 to 4"),
        (["-p", "otherPlans"], "has no plans otherPlans"),
        (["-pretrained_weights", "no.pth"], "file not found"),
    ],
)
def test_mistakes_end_with_status_2(folders, refused, arguments, sentence):
    assert sentence in refused("train", "901", CONFIGURATION, "--devices", "cpu", *arguments)
    assert calls(folders) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["901"], "CONFIGURATION is missing"),
        (["901", "3d_fullres", "--estimate"], "--estimate is only used with --auto"),
        (["--auto", "901", "--staged"], "--auto cannot be used with --staged"),
    ],
)
def test_options_that_do_not_fit_are_told(refused, arguments, sentence):
    assert sentence in " ".join(refused("train", *arguments).split())
