import json

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app

SMALL = ["--cases", "2", "--test-cases", "1", "--in-plane", "104", "--slices", "20", "21", "--processes", "1"]


def run(*arguments) -> str:
    shown = CliRunner().invoke(app, ["phantom", *map(str, arguments)])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_a_data_set_is_written_once(tmp_path):
    assert "2 training and 1 test cases, written" in run(tmp_path, *SMALL)
    folder = tmp_path / "Dataset901_NPC"
    written = (folder / "imagesTr" / "NPC_000_0000.nii.gz").stat().st_mtime_ns
    assert "was there already" in run(tmp_path, *SMALL)
    assert (folder / "imagesTr" / "NPC_000_0000.nii.gz").stat().st_mtime_ns == written


def test_id_name_and_a_third_of_test_cases(tmp_path):
    shown = run(tmp_path, "--cases", 2, *SMALL[4:], "--dataset-id", 17, "--name", "Mine", "--seed", 3)
    assert "Dataset017_Mine: 2 training and 1 test cases" in shown
    assert json.loads((tmp_path / "Dataset017_Mine" / "phantom.json").read_text())["settings"]["seed"] == 3


@pytest.mark.data
def test_real_heads_come_with_folds_for_nnunets_planning(tmp_path, shared_data):
    few = tmp_path / "few"
    few.mkdir()
    for number in (1, 2, 3, 13):
        source = shared_data / "head_labels" / f"training_seg_{number:02d}.nii.gz"
        (few / source.name).symlink_to(source)
    shown = run(tmp_path / "raw", "--anatomy", few, "--cases", 2, "--test-cases", 1, *SMALL[4:])
    folder = tmp_path / "raw" / "Dataset903_npc_synth"
    assert "left out, because they end at the nasopharynx: training_seg_13.nii.gz" in shown
    assert f"used by nnU-Net's planning: {folder / 'splits_final.json'}" in shown
    assert (folder / "splits_final.json").is_file()
    patients = json.loads((folder / "patients.json").read_text())
    assert len({patients[f"npc_synth_00{case}"] for case in range(3)}) == 3


def write_noise(folder):
    folder.mkdir()
    noise = np.random.default_rng(0).normal(100, 20, (8, 8, 8)).astype(np.float32)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise), str(folder / "mr.nii.gz"))
    return folder


def test_mistakes_end_with_status_2_and_a_sentence(tmp_path, refused):
    run(tmp_path / "there", *SMALL)
    mistakes = {
        "cases: expected": ["--cases", "-1"],
        "test-cases: expected": ["--test-cases", "-1"],
        "folder not found": ["--anatomy", str(tmp_path / "absent")],
        "not a label map": ["--anatomy", str(write_noise(tmp_path / "noise")), "--processes", "1"],
        "processes: expected": ["--processes", "0"],
        "--in-plane: expected": ["--in-plane", "50"],
        "--dataset-id: expected": ["--dataset-id", "1000"],
        "--overwrite": [*SMALL, "--seed", "1"],
    }
    for sentence, arguments in mistakes.items():
        assert sentence in refused("phantom", tmp_path / "there", *arguments)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["Dataset901_NPC"]
