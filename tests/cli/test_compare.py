import json

import numpy as np
import pytest
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app


@pytest.fixture
def folders(tmp_path, write_volume):
    """Eight cases. The methods a, b and c predict an increasing number of voxels."""
    for case in range(8):
        reference = np.zeros((4, 8, 10), dtype=np.uint8)
        reference[1:3, 1:7, 1:9] = 1
        write_volume(tmp_path / "truth" / f"case_{case}.nii.gz", reference)
        for name, kept in (("a", 3), ("b", 5), ("c", 7)):
            prediction = np.where(np.arange(10) < kept + case % 2, reference, 0).astype(np.uint8)
            write_volume(tmp_path / name / "validation" / f"case_{case}.nii.gz", prediction)
    return tmp_path


def compare(folders, *arguments):
    methods = [str(folders / name / "validation") for name in "abc"]
    result = CliRunner().invoke(
        app, ["compare", *methods, "--reference", str(folders / "truth"), *arguments], env={"COLUMNS": "160"}
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_tables_ranks_and_json(folders):
    shown = compare(folders, "--json", str(folders / "c.json"))
    content = json.loads((folders / "c.json").read_text())
    assert content["methods"] == ["a", "b", "c"]
    assert [found["metric"] for found in content["comparisons"]] == ["dsc", "nsd_2mm", "hd95_mm"]
    first = content["comparisons"][0]["pairs"][0]
    assert (first["first"], first["second"]) == ("a", "b")
    assert (first["wins"], first["ties"], first["losses"]) == (0, 0, 8)
    assert first["difference"] < 0
    assert f"{first['difference']:+.3f}" in shown
    assert "0/0/8" in shown
    assert "mean ranks: c 1.00, b 2.00, a 3.00" in shown
    assert "Friedman p <0.001" in shown


def test_files_of_scores_give_the_same(folders):
    runner = CliRunner()
    for name in "abc":
        arguments = [str(folders / name / "validation"), str(folders / "truth"), "--empty-distance", "diagonal"]
        runner.invoke(app, ["evaluate", *arguments, "--json", str(folders / f"{name}.json")])
    compare(folders, "--json", str(folders / "folders.out"))
    files = [str(folders / f"{name}.json") for name in "abc"]
    assert runner.invoke(app, ["compare", *files, "--json", str(folders / "files.out")]).exit_code == 0
    assert (folders / "files.out").read_text() == (folders / "folders.out").read_text()


def test_metrics_and_names_are_chosen(folders):
    shown = compare(folders, "--metric", "assd_mm", "--metric", "nsd_0.5mm", "--names", "low, middle,high")
    assert "ASSD mm, lower is better" in shown
    assert "NSD 0.5 mm" in shown
    assert "DSC" not in shown
    assert "high 1.00" in shown


def test_cases_that_differ_are_refused_or_left_out_aloud(folders, refused):
    (folders / "a" / "validation" / "case_3.nii.gz").unlink()
    methods = [folders / name / "validation" for name in "ab"]
    shown = refused("compare", *methods, "--reference", folders / "truth")
    assert "case_3: without a prediction" in shown
    shown = compare(folders, "--common")
    assert "a: case_3 is left out: without a prediction" in shown
    assert "left out, because some method lacks them: 1 case" in shown
    assert "7 cases. Difference" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a/validation"], "expected at least two folders"),
        (["a/validation", "b/validation"], "the reference label maps are missing"),
        (["a/validation", "a/validation"], "given twice"),
        (
            ["a/validation", "b/validation", "--names", "x"],
            "--names: expected 2 different names",
        ),
        (["a/validation", "b/validation", "--names", "x,x"], "expected 2 different names"),
        (["a/validation", "b/validation", "--metric", "dice"], "unknown metric dice; available: dsc, precision"),
        (["a/validation", "b/validation", "--metric", "volume_ml"], "unknown metric volume_ml"),
        (
            ["a/validation", "b/validation", "--metric", "nsd_xmm"],
            "expected a tolerance in mm, such as nsd_2mm or nsd_1.5mm",
        ),
        (["a/validation", "b/validation", "--metric", "nsd_-1mm"], "expected a tolerance in mm"),
        (["a/validation", "none", "--reference", "truth"], "folder not found"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folders, refused, monkeypatch, arguments, sentence):
    monkeypatch.chdir(folders)
    assert sentence in " ".join(refused("compare", *arguments).split())


def test_figures_of_differences_and_ranks_are_written(folders):
    compare(folders, "--figures", str(folders / "figures"), "--metric", "dsc")
    names = {f"1_dsc_{kind}{ending}" for kind in ("differences", "ranks") for ending in (".png", ".svg")}
    assert {file.name for file in (folders / "figures").iterdir()} == names


def test_a_single_case_ranks_nothing(folders):
    for name in ("a/validation", "b/validation", "c/validation", "truth"):
        for file in sorted((folders / name).iterdir())[1:]:
            file.unlink()
    shown = compare(folders, "--figures", str(folders / "figures"), "--metric", "dsc")
    assert "mean ranks need two cases or more" in shown
    assert {file.name for file in (folders / "figures").iterdir()} == {"1_dsc_differences.png", "1_dsc_differences.svg"}


def test_bad_cases_are_left_out_of_all_methods_when_asked(folders, refused):
    (folders / "a" / "validation" / "case_3.nii.gz").write_bytes(b"torn")
    methods = [folders / name / "validation" for name in "ab"]
    assert "case_3: prediction: " in refused("compare", *methods, "--reference", folders / "truth")
    shown = compare(folders, "--skip-bad", "--workers", "1", "--json", str(folders / "compared.json"))
    assert "a: case_3 is left out: prediction: " in shown
    assert list(json.loads((folders / "compared.json").read_text())["skipped"]["a"]) == ["case_3"]
    assert "left out, because some method lacks them: 1 case" in shown
    assert "7 cases. Difference" in shown


@pytest.mark.parametrize(("n_cases", "is_told"), [(1, True), (5, True), (6, False)])
def test_too_few_cases_for_a_test_are_told(folders, n_cases, is_told):
    for case in range(n_cases, 8):
        for file in folders.rglob(f"case_{case}.nii.gz"):
            file.unlink()
    shown = compare(folders, "--metric", "dsc", "--json", str(folders / "c.json"))
    assert ("no paired test can reach p < 0.05" in shown) is is_told
    assert ("no interval" in shown) is (n_cases == 1)
    (found,) = json.loads((folders / "c.json").read_text(encoding="utf-8"))["comparisons"]
    assert ("note" in found) is is_told
    assert (found["pairs"][0]["low"] is None) is (n_cases == 1)
