import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app

SCRIPTS = Path(__file__).resolve().parents[2] / "dataset_conversion"


def test_the_sarcoma_lands_in_nnunets_folders(paired_source, empty_nnunet_folders):
    shown = CliRunner().invoke(app, ["convert", "sts", str(paired_source)])
    assert shown.exit_code == 0, shown.output
    assert "6 cases written, 0 already there" in shown.output
    folder = empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS"
    assert json.loads((folder / "dataset.json").read_text())["licence"] == "CC BY 3.0"
    assert (folder / "splits_final.json").is_file()


def test_the_hippocampus_has_its_own_number_and_labels(paired_source, empty_nnunet_folders):
    shown = CliRunner().invoke(app, ["convert", "hippocampus", str(paired_source)])
    assert shown.exit_code == 0, shown.output
    content = json.loads((empty_nnunet_folders["nnUNet_raw"] / "Dataset904_Hippocampus" / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "anterior": 1, "posterior": 2}


def test_out_and_dataset_id_choose_the_folder_without_any_variable(paired_source, tmp_path, monkeypatch):
    for variable in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.delenv(variable, raising=False)
    arguments = ["convert", "sts", str(paired_source), "--out", str(tmp_path / "mine"), "--dataset-id", "12"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "mine" / "Dataset012_STS" / "splits_final.json").is_file()


def test_mistakes_end_with_status_2_and_a_sentence(paired_source, empty_nnunet_folders, refused):
    (paired_source / "labels" / "case_4.nii.gz").unlink()
    assert "case_4: has an image and no labels" in refused("convert", "sts", paired_source)


def test_a_folder_that_may_not_be_written_is_a_sentence_too(paired_source, empty_nnunet_folders, refused):
    (empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS").write_text("a file is in the way")
    assert "Dataset902_STS" in refused("convert", "sts", paired_source)


@pytest.mark.parametrize(
    ("script", "folder"),
    [("Dataset902_STS.py", "Dataset902_STS"), ("Dataset904_Hippocampus.py", "Dataset904_Hippocampus")],
)
def test_the_scripts_do_what_the_command_does(paired_source, tmp_path, script, folder):
    command = [sys.executable, str(SCRIPTS / script), str(paired_source), "--out", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "out" / folder / "dataset.json").is_file()
