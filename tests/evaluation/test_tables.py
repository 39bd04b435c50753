import csv
import json

import numpy as np
import pytest

from nnunet_cscn.evaluation.folder import score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.tables import write_csv, write_summary


@pytest.fixture
def folders(tmp_path, write_volume):
    random = np.random.default_rng(0)
    for case in range(3):
        for folder in ("p", "r"):
            voxels = random.integers(0, 4, size=(3, 4, 5)).astype(np.uint8)
            voxels[0] = 3 if folder == "r" else 0
            write_volume(
                tmp_path / folder / f"case_{case}.nii.gz", np.where(voxels == 2, 0, voxels) if case else voxels
            )
    return tmp_path / "p", tmp_path / "r"


def test_csv_has_one_row_per_case_and_label(folders, tmp_path):
    scores = score_folders(*folders)
    write_csv(tmp_path / "scores.csv", scores)
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["label"]) for row in rows] == [
        (case, label) for case in ("case_0", "case_1", "case_2") for label in ("1", "2", "3")
    ]
    assert float(rows[0]["dsc"]) == scores.cases["case_0"]["1"].counts.dsc
    assert rows[4]["dsc"] == ""  # both masks of label 2 are empty there


@pytest.mark.parametrize(
    "dataset",
    [
        {"background": 0, "a": 1, "b": 2, "c": 3},
        {"background": 0, "a": 1, "b": 2, "ignore": 3},
        {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
    ],
)
def test_the_summary_is_the_one_of_nnunet(folders, tmp_path, dataset):
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics, save_summary_json
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.utilities.json_export import recursive_fix_for_json_export

    labels = EvaluatedLabels.from_dataset(dataset)
    scores = score_folders(*folders, labels=labels)
    write_summary(tmp_path / "summary.json", scores)
    ours = json.loads((tmp_path / "summary.json").read_text())
    keys = [values if len(values) > 1 else values[0] for values in labels.values.values()]
    for case in ours["metric_per_case"]:
        theirs = compute_metrics(case["reference_file"], case["prediction_file"], SimpleITKIO(), keys, labels.ignore)
        recursive_fix_for_json_export(theirs)
        save_summary_json({"mean": {}, "metric_per_case": [theirs]}, str(tmp_path / "theirs.json"))
        (read,) = json.loads((tmp_path / "theirs.json").read_text())["metric_per_case"]
        assert list(read["metrics"]) == sorted(case["metrics"])
        for key, metrics in read["metrics"].items():
            assert metrics == pytest.approx(case["metrics"][key], nan_ok=True)
    first = next(iter(ours["mean"]))
    dices = [case["metrics"][first]["Dice"] for case in ours["metric_per_case"]]
    assert ours["mean"][first]["Dice"] == pytest.approx(np.nanmean(dices))
    assert ours["foreground_mean"]["Dice"] == pytest.approx(np.mean([m["Dice"] for m in ours["mean"].values()]))
