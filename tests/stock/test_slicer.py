"""The command line of 3D Slicer's extension SlicerNNUnet: its arguments, their order, its file and its variables."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import SimpleITK
from typer.main import get_command

import tiny_dataset
from nnunet_cscn.cli.main import app
from nnunet_cscn.execution.commands import run_command

CONFIGURATION = "3d_tiny"


def slicers_arguments(model: Path, place: Path) -> list[str]:
    """As the extension makes them from the model's folder, with its own defaults on a machine without a GPU."""
    dataset_json = next(model.rglob("dataset.json"))
    trainer, plans, configuration = dataset_json.parent.name.split("__")
    dataset = dataset_json.parent.parent.name
    return [
        *("-i", (place / "input").as_posix(), "-o", (place / "output").as_posix()),
        *("-d", dataset, "-tr", trainer, "-p", plans, "-c", configuration, "-f", "0"),
        *("-npp", "1", "-nps", "1", "-step_size", "0.5", "-device", "cpu", "-chk", "checkpoint_final.pth"),
        "--disable_tta",
    ]


@pytest.fixture
def model(trained_models, tmp_path):
    """A folder with nothing but one model."""
    name = f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    source = trained_models("labels") / "results" / tiny_dataset.NAME / name
    shutil.copytree(source, tmp_path / "my_model" / tiny_dataset.NAME / name)
    return tmp_path / "my_model"


@pytest.mark.slow
def test_the_extension_gets_a_segmentation_on_the_grid_of_its_volume(model, trained_models, tmp_path):
    image = trained_models("labels") / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz"
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
    shutil.copy(image, tmp_path / "input" / "volume_0000.nii.gz")
    env = {name: value for name, value in os.environ.items() if name != "nnUNet_extTrainer"}
    env |= dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), model.as_posix())
    run_command(["nnUNetv2_predict", *slicers_arguments(model, tmp_path)], tmp_path / "log.txt", env=env)
    found = [SimpleITK.ReadImage(str(file)) for file in (tmp_path / "output").rglob("*.nii*")]
    expected = SimpleITK.ReadImage(str(image))
    assert [each.GetSize() for each in found] == [expected.GetSize()]
    assert found[0].GetSpacing() == expected.GetSpacing()


def test_cscn_predict_takes_the_same_arguments(model, tmp_path):
    command = get_command(app).commands["predict"]
    context = command.make_context("predict", slicers_arguments(model, tmp_path))
    assert context.params["dataset"] == tiny_dataset.NAME
    assert context.params["folds"] == ["0"]
    assert context.params["disable_tta"]
