import copy
import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.postprocessing.files import LARGEST, read_postprocessing
from nnunet_cscn.postprocessing.steps import LabelPostprocessing, LabelSteps

STEPS = {"threshold": 0.4, "fill_holes": True, "min_ml": 0.5, "keep_largest": False}
LABEL = {"name": "GTVp", "values": [1, 2], "steps": STEPS}


def read(folder, content):
    (folder / "a.json").write_text(json.dumps(content), encoding="utf-8")
    return read_postprocessing(folder / "a.json")


def nnunets(labels):
    return {"postprocessing_fns": [LARGEST], "postprocessing_kwargs": [{"labels_or_regions": labels}]}


def test_steps_are_read(tmp_path):
    found = read(tmp_path, {"cscn": {"labels": [LABEL]}})
    assert found.labels == (LabelPostprocessing("GTVp", (1, 2), LabelSteps(0.4, True, 0.5, False)),)


@pytest.mark.parametrize(("labels", "values"), [(1, (1,)), ([1, 2], (1, 2)), ([[1, 2], 3], (1, 2, 3))])
def test_nnunets_file_is_read(tmp_path, labels, values):
    assert read(tmp_path, nnunets(labels)).labels[0].values == values


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("threshold", float("nan")),
        ("threshold", 1.5),
        ("threshold", "0.4"),
        ("min_ml", -1),
        ("min_ml", float("inf")),
        ("fill_holes", "no"),
        ("keep_largest", None),
        ("more", 1),
    ],
)
def test_steps_that_cannot_be_are_named(tmp_path, place, value):
    label = copy.deepcopy(LABEL)
    label["steps"][place] = value
    with pytest.raises(UserError, match=rf"a\.json: steps\.{place}"):
        read(tmp_path, {"cscn": {"labels": [label]}})


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0, -1, True, "1", None, {"a": 1}])
def test_values_that_no_label_has_are_refused(tmp_path, value):
    with pytest.raises(UserError, match="value of a label"):
        read(tmp_path, {"cscn": {"labels": [{**LABEL, "values": [value]}]}})
    with pytest.raises(UserError, match="value of a label"):
        read(tmp_path, nnunets(value))


def test_an_unknown_function_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: it names the function os\.system"):
        read(tmp_path, {"postprocessing_fns": ["os.system"], "postprocessing_kwargs": [{}]})


@pytest.mark.parametrize("content", [None, [], {}, {"cscn": 1}, {"cscn": {"labels": 3}}, {"cscn": {"labels": [{}]}}])
def test_another_file_is_refused(tmp_path, content):
    with pytest.raises(UserError, match="no postprocessing"):
        read(tmp_path, content)
