import json

import pytest

from nnunet_cscn.nnunet.summaries import is_whole_summary

CASE = {"reference_file": "a.nii.gz", "metrics": {"1": {"Dice": 0.5}}}
MEAN = {"Dice": 0.5}


@pytest.mark.parametrize(
    ("mean", "cases", "is_whole"),
    [
        (MEAN, [CASE, CASE], True),
        ({"Dice": float("nan")}, [{**CASE, "metrics": {"1": {"Dice": float("nan")}}}], True),  # both masks empty
        ({}, [CASE], False),
        ({"Dice": None}, [CASE], False),
        ({"Dice": True}, [CASE], False),
        (MEAN, [], False),
        (MEAN, {}, False),
        (MEAN, [CASE, {}], False),
        (MEAN, [{**CASE, "reference_file": 1}], False),
        (MEAN, [{**CASE, "metrics": {}}], False),
        (MEAN, [{**CASE, "metrics": {"1": {}}}], False),
    ],
)
def test_a_summary_is_whole_if_it_has_the_dice_of_cases_and_their_mean(tmp_path, mean, cases, is_whole):
    file = tmp_path / "summary.json"
    file.write_text(json.dumps({"foreground_mean": mean, "metric_per_case": cases}), encoding="utf-8")
    assert is_whole_summary(file) is is_whole


def test_no_file_is_none(tmp_path):
    assert not is_whole_summary(tmp_path / "summary.json")
