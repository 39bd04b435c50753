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
    assert "6 of 6 cases converted" in shown.output
    folder = empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS"
    assert json.loads((folder / "dataset.json").read_text())["licence"] == "CC BY 3.0"
    assert json.loads((folder / "splits_final.json").read_text())[0]["val"] == ["case_1", "case_6"]
    assert json.loads((folder / "patients.json").read_text())["case_2"] == "case_2"
    assert (folder / "conversion_report.csv").is_file()
    assert len(list((folder / "conversion_pictures").iterdir())) == 6


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
    text = refused("convert", "sts", paired_source)
    assert "1 of 6 cases cannot be converted" in text
    assert "case_4: has an image but no labels" in text


def test_a_case_that_is_mended_joins_the_fold_where_it_belongs(paired_source, empty_nnunet_folders, refused):
    labels = paired_source / "labels" / "case_1.nii.gz"
    labels.rename(labels.with_name("kept"))
    refused("convert", "sts", paired_source)
    splits = empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS" / "splits_final.json"
    assert json.loads(splits.read_text())[0]["val"] == ["case_6"]
    labels.with_name("kept").rename(labels)
    assert CliRunner().invoke(app, ["convert", "sts", str(paired_source)]).exit_code == 0
    assert json.loads(splits.read_text())[0]["val"] == ["case_1", "case_6"]


def test_other_folds_are_found_before_anything_is_written(paired_source, empty_nnunet_folders, refused):
    splits = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset902_STS" / "splits_final.json"
    splits.parent.mkdir(parents=True)
    splits.write_text("[]")
    assert "different folds" in refused("convert", "sts", paired_source)
    assert not (empty_nnunet_folders["nnUNet_raw"] / "Dataset902_STS").exists()
    assert splits.read_text() == "[]"


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
