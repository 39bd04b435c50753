import os
import subprocess
import sys

import pytest
import SimpleITK

import tiny_dataset
from nnunet_cscn.nnunet.folders import model_folder
from tiny_training import CONFIGURATION, set_folders

WITHOUT_NETWORK = """
import socket, sys

def refuse(*arguments, **keywords):
    raise OSError("there is no network")

socket.socket.connect = socket.getaddrinfo = refuse
from nnunet_cscn.cli.main import main
sys.argv[0] = "cscn"
main()
"""
NOWHERE = "/proc/self/nowhere"  # not even root can write there


@pytest.fixture
def case(trained_models, monkeypatch, tmp_path):
    """A model, and an input folder with one case in the layout of a challenge platform."""
    root = trained_models("labels")
    set_folders(monkeypatch, root)
    socket = tmp_path / "input" / "images" / "mri"
    socket.mkdir(parents=True)
    image = SimpleITK.ReadImage(str(root / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz"))
    SimpleITK.WriteImage(image, str(socket / "case.mha"))
    model = model_folder(901, trainer="CSCNTrainer", plans="nnUNetPlans", configuration=CONFIGURATION)
    return model, tmp_path


def test_it_runs_without_network_home_or_folders_of_nnunet(case):
    model, folder = case
    kept = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet")}
    places = {"CSCN_INPUT": folder / "input", "CSCN_OUTPUT": folder / "output", "CSCN_MODEL": model}
    environment = {**kept, **{name: str(place) for name, place in places.items()}, "HOME": NOWHERE}
    arguments = ["deploy", "challenge", "--out-socket", "contours", "-device", "cpu", "--disable_tta"]
    subprocess.run([sys.executable, "-c", WITHOUT_NETWORK, *arguments], check=True, env=environment, cwd=folder)
    assert (folder / "output" / "images" / "contours" / "output.mha").is_file()


def test_a_missing_model_is_told_in_a_sentence(cscn, tmp_path):
    status, _, error = cscn("deploy", "challenge", "--model", tmp_path)
    assert status == 2
    assert "expected exactly one trained model" in error
