import shutil

import pytest
from typer.testing import CliRunner

import tiny_dataset
from nnunet_cscn.cascade.manifest import check_maps, stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.cli.main import app
from tiny_training import CONFIGURATION


@pytest.fixture
def stage_one(staged_folders):
    staged_folders("labels")
    return StageOne(tiny_dataset.NAME, CONFIGURATION)


def cascade(*arguments):
    shown = CliRunner().invoke(app, ["cascade", "901", CONFIGURATION, *arguments])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_all_maps_are_made_and_the_folder_named(stage_one):
    folder = stage_one_maps(stage_one).folder
    shutil.rmtree(folder)
    shown = cascade("--devices", "cpu")
    assert f"6 maps in {folder}" in shown
    assert "Searching" not in shown  # output of nnU-Net
    check_maps(stage_one)
    times = {file: file.stat().st_mtime_ns for file in folder.glob("*.b2nd")}
    cascade("--devices", "cpu")
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.b2nd")} == times


def test_a_part_makes_its_share_and_counts_aloud(stage_one):
    shutil.rmtree(stage_one_maps(stage_one).folder)
    shown = cascade("--devices", "cpu", "--part", "1/3").splitlines()
    assert [line for line in shown if line.endswith("/2")] == ["1/2", "2/2"]
    assert len(list(stage_one_maps(stage_one).folder.glob("*.b2nd"))) == 2


def test_several_devices_share_the_maps_out_over_processes(stage_one):
    shutil.rmtree(stage_one_maps(stage_one).folder)
    cascade("--devices", "cpu,cpu")
    check_maps(stage_one)
    assert sorted(file.name for file in (stage_one.folder / "logs").iterdir()) == [
        "cascade_checkpoint_final_1_of_2.log",
        "cascade_checkpoint_final_2_of_2.log",
    ]


def test_missing_folds_end_with_status_2_and_the_commands(stage_one, refused):
    shutil.rmtree(stage_one.folder / "fold_2")
    shown = refused("cascade", "901", CONFIGURATION)
    assert "nnUNetv2_train Dataset901_Tiny 3d_tiny 2 -tr BUNetTrainer" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["902", CONFIGURATION], "no data set 902"),
        (["901", "3d_nothing"], "the plans have no configuration 3d_nothing"),
        (["901", CONFIGURATION, "-p", "otherPlans"], "has no plans otherPlans"),
        (["901", CONFIGURATION, "-tr", "CSCNTrainer"], "CSCNTrainer__nnUNetPlans__3d_tiny is not finished in fold 0"),
        (["901", CONFIGURATION, "-chk", "checkpoint_best.pth"], "has no checkpoint_best.pth"),
        (["901", CONFIGURATION, "--devices", "gpu"], "devices: expected cpu, or GPUs such as cuda:0"),
        (["901", CONFIGURATION, "--devices", "cpu", "--slurm", "timeout_min=1"], "--devices and --slurm"),
        (["901", CONFIGURATION, "--slurm", "timeout"], "slurm: expected NAME=VALUE"),
    ],
)
def test_mistakes_end_with_status_2_and_a_sentence(stage_one, refused, arguments, sentence):
    for checkpoint in stage_one.folder.glob("fold_*/checkpoint_best.pth"):
        checkpoint.unlink()
    assert sentence in refused("cascade", *arguments)
