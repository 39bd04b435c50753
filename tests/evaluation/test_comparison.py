import json
import math

import pytest

from nnunet_cscn.evaluation.comparison import compare_methods
from nnunet_cscn.evaluation.methods import MethodScores
from nnunet_cscn.metrics.catalogue import metrics

CASES = [f"case_{number}" for number in range(8)]
DSC, HD95 = (next(metric for metric in metrics() if metric.key == key) for key in ("dsc", "hd95_mm"))


def method(name, values, *, key="dsc"):
    return MethodScores(name, {case: {"GTVp": {key: value}} for case, value in zip(CASES, values, strict=True)})


def test_wins_follow_the_metric():
    low, high = [1.0] * 8, [2.0] * 6 + [1.0, 0.5]
    for metric, expected in ((DSC, (6, 1, 1)), (HD95, (1, 1, 6))):
        methods = [method("a", high, key=metric.key), method("b", low, key=metric.key)]
        ((pair,),) = [found.pairs for found in compare_methods(methods, CASES, [metric])]
        assert (pair.n_better, pair.paired.n_equal, pair.n_worse) == expected


def test_every_pair_is_there_and_adjusted_for_their_number():
    methods = [
        method(name, [start + 0.01 * i for i in range(8)]) for name, start in zip("abc", (0.1, 0.2, 0.3), strict=True)
    ]
    (found,) = compare_methods(methods, CASES, [DSC])
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair.paired.p for pair in found.pairs] == pytest.approx([2 / 2**8] * 3)
    assert [pair.p_holm for pair in found.pairs] == pytest.approx([3 * 2 / 2**8] * 3)
    assert list(found.ranking.mean_ranks) == ["c", "b", "a"]


def test_undefined_cases_are_counted():
    methods = [method("a", [math.nan] + [0.5] * 7), method("b", [0.5] * 7 + [math.inf])]
    (found,) = compare_methods(methods, CASES, [DSC])
    assert (len(found.cases), found.n_undefined) == (6, 2)
    assert found.ranking is None


def test_json_holds_everything_even_where_nothing_can_be_said():
    methods = [method(name, [math.nan] * 8) for name in "abc"]
    (found,) = compare_methods(methods, CASES, [DSC])
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (content["n"], content["n_undefined"]) == (0, 8)
    assert content["pairs"][0]["p"] is None
    assert "ranking" not in content
