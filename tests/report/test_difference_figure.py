import numpy as np
import pytest

from nnunet_cscn.evaluation.comparison import compare_methods
from nnunet_cscn.evaluation.methods import MethodScores
from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.report.difference_figure import difference_figure


@pytest.mark.parametrize(("key", "side"), [("dsc", "right"), ("hd95_mm", "left")])
def test_each_pair_has_a_row_with_its_interval(key, side):
    random = np.random.default_rng(0)
    cases = [f"c{number}" for number in range(12)]
    methods = [
        MethodScores(name, {case: {"1": {key: float(random.uniform() + shift)}} for case in cases})
        for name, shift in (("a", 0.0), ("b", 0.4), ("c", 0.8))
    ]
    (found,) = compare_methods(methods, cases, [metric for metric in metrics() if metric.key == key])
    (panel,) = difference_figure(found).axes
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["a - b", "a - c", "b - c"]
    intervals = [tuple(line.get_xdata()) for line in panel.lines[1:] if line.get_marker() == "None"]
    assert intervals == [(pair.paired.low, pair.paired.high) for pair in found.pairs]
    assert f"{side} of the line the first is better" in panel.get_xlabel()
    assert "label 1" in panel.get_title(loc="left")
