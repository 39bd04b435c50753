import json

import numpy as np
import pytest
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app


@pytest.fixture
def folders(tmp_path, write_volume):
    for name, stop in (("one", 5), ("two", 6), ("net", 6)):
        volume = np.zeros((4, 8, 10), dtype=np.uint8)
        volume[1:3, 1:7, 1:stop] = 1
        write_volume(tmp_path / name / "case_1.nii.gz", volume)
        write_volume(tmp_path / name / "case_2.nii.gz", volume)
    return tmp_path


def test_a_table_per_label_and_json(folders):
    arguments = [str(folders / "one"), str(folders / "two"), "--model", str(folders / "net")]
    result = CliRunner().invoke(
        app, ["observers", *arguments, "--json", str(folders / "o.json")], env={"COLUMNS": "140"}
    )
    assert result.exit_code == 0, result.output
    assert "1: agreement over 2 cases" in result.output
    assert "0.889 (0.000)" in result.output  # 4 and 5 columns: 8 / 9
    content = json.loads((folders / "o.json").read_text())
    assert content["observers"] == ["one", "two"]
    rows = {(row["first"], row["second"]): row["aggregate"]["dsc_mean"] for row in content["agreements"]}
    assert rows["two", "model"] == 1
    assert rows["one", "majority"] == 1  # for two observers: the voxels that both marked


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["one"], "expected the folders of at least two observers"),
        (["one", "one"], "given twice"),
        (["one", "two", "--names", "a"], "--names: expected 2 different names"),
        (["one", "two", "--names", "a,model"], "none of them STAPLE, majority, model"),
        (["one", "none"], "folder not found"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folders, refused, monkeypatch, arguments, sentence):
    monkeypatch.chdir(folders)
    assert sentence in " ".join(refused("observers", *arguments).split())
