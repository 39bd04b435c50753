import json
import math
from pathlib import Path

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.methods import MethodScores, common_cases, method_names, paired_values
from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import LabelScores

MISSED = LabelScores(OverlapCounts(false_negative=5), math.inf, math.inf, math.inf)


def method(name, **cases):
    return MethodScores(name, {case: {"GTVp": {"dsc": value}} for case, value in cases.items()})


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/validation", "b/validation"], ["a", "b"]),
        (["x/a.json", "x/b.json"], ["a", "b"]),
        (["a/one", "b/one", "b/two"], ["a/one", "b/one", "b/two"]),
        (["r/A__P__c/fold_1/validation", "r/B__P__c/fold_1/validation"], ["A", "B"]),
        (["r/A__P__c", "r/A__P__d", "r/B__P__d"], ["A__c", "A__d", "B__d"]),
    ],
)
def test_names_are_what_tells_the_paths_apart(paths, names):
    assert method_names([Path(path) for path in paths]) == names


def test_the_same_predictions_twice_are_refused():
    with pytest.raises(UserError, match="given twice"):
        method_names([Path("a"), Path("a")])


def test_cases_that_differ_are_listed_instead_of_dropped():
    methods = [method("a", x=1, y=1), method("b", y=1, z=1), method("c", x=1, y=1, z=1)]
    with pytest.raises(UserError) as refusal:
        common_cases(methods, only_common=False)
    assert str(refusal.value).splitlines()[1:] == ["  a lacks z", "  b lacks x"]
    assert common_cases(methods, only_common=True) == ["y"]


def test_no_case_in_common_is_refused():
    with pytest.raises(UserError, match="no common cases"):
        common_cases([method("a", x=1), method("b", y=1)], only_common=True)


def test_only_cases_with_a_finite_value_of_all_methods_are_paired():
    methods = [method("a", x=0.5, y=math.nan, z=0.7), method("b", x=0.4, y=0.5, z=math.inf)]
    assert paired_values(methods, ["x", "y", "z"], "GTVp", "dsc") == (["x"], {"a": [0.5], "b": [0.4]})
    assert paired_values(methods, ["x"], "GTVn", "dsc") == ([], {"a": [], "b": []})


def test_scores_of_a_file_are_those_of_the_folder(tmp_path):
    """Precision and recall differ: they are undefined in the file if one mask is empty."""
    scores = FolderScores({"x": {"GTVp": LabelScores(OverlapCounts(3, 1, 2), 1.5, 2.5, 3.5, {1.0: 0.5})}})
    (tmp_path / "scores.json").write_text(json.dumps(scores.to_json()))
    read = MethodScores.from_file("a", tmp_path / "scores.json", empty_distance="infinite")
    direct = MethodScores.from_folder("a", scores)
    for key, value in direct.values["x"]["GTVp"].items():
        assert read.values["x"]["GTVp"][key] == pytest.approx(value, nan_ok=True)


def test_a_file_with_other_distances_is_refused(tmp_path):
    (tmp_path / "scores.json").write_text(json.dumps(FolderScores({"x": {"GTVp": MISSED}}).to_json()))
    with pytest.raises(UserError, match=r"^empty_distance: .*infinite"):
        MethodScores.from_file("a", tmp_path / "scores.json", empty_distance="diagonal")


@pytest.mark.parametrize("content", ["[]", "{}", '{"cases": {"a": 1}}', '{"cases": {"a": {"b": {"dsc": "x"}}}}'])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match="contains no scores"):
        MethodScores.from_file("a", tmp_path / "a.json", empty_distance="infinite")


def test_precision_of_a_missed_case_counts_as_zero():
    found = MethodScores.from_folder("a", FolderScores({"x": {"GTVp": MISSED}})).values["x"]["GTVp"]
    assert (found["precision"], found["recall"], found["dsc"]) == (0, 0, 0)
