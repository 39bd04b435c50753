import pytest

from nnunet_cscn.report.chart_data import SHARE_RANGE, distribution, dsc_over_volume, volume_differences
from nnunet_cscn.report.charts import bland_altman_chart, distribution_chart
from nnunet_cscn.report.figures import bland_altman_figure


def metric(scores, key):
    return next(metric for metric in scores.metrics if metric.key == key)


def test_points_stand_around_the_place_of_their_label(predicted):
    shown = distribution(predicted.scores, metric(predicted.scores, "dsc"))
    assert shown.names == ("GTVp", "GTVn")
    assert [group.place for group in shown.groups] == [0, 1]
    for group in shown.groups:
        assert all(abs(x - group.place) <= 0.16 for x in group.dots.x)
        assert group.box.low <= min(group.box.q25, group.box.median)
    assert shown.groups[0].dots.cases == ("exact", "far", "invented", "missed", "near")
    assert shown.y_range == SHARE_RANGE
    assert distribution(predicted.scores, metric(predicted.scores, "hd95_mm")).y_range is None


def test_a_label_without_any_value_has_a_name_but_no_box(predicted):
    scores = predicted.scores
    odd = type(scores)(cases={"missed": scores.cases["missed"]}, metrics=scores.metrics)
    shown = distribution(odd, metric(scores, "dsc"))
    assert (shown.names, [group.place for group in shown.groups]) == (("GTVp", "GTVn"), [0])


def test_overlap_stands_over_the_references_volume(predicted):
    first, second = dsc_over_volume(predicted.scores).dots
    assert first.cases == ("exact", "far", "missed", "near")
    assert len(set(first.x)) == 1  # the same ball in all of them
    assert first.y[0] == 1.0
    assert second.cases == ("exact",)
    assert second.x == pytest.approx([9 * 0.9 / 1000])  # 3 x 3 voxels of 0.5 x 0.6 x 3 mm


def test_levels_are_bias_and_limits_where_they_can_be_told(predicted):
    shown = volume_differences(predicted.scores, "GTVp")
    assert [(line.name, line.is_dashed) for line in shown.lines] == [
        ("bias", False),
        ("-1.96 SD", True),
        ("+1.96 SD", True),
    ]
    (single,) = volume_differences(predicted.scores, "GTVn").lines
    assert single.text == "bias +0.0"


def test_page_and_figure_show_the_same_points(predicted):
    scores = predicted.scores
    (dots,) = volume_differences(scores, "GTVp").dots
    assert bland_altman_chart(scores, "GTVp").data[0].y == dots.y
    drawn = bland_altman_figure(scores).axes[0].collections[0].get_offsets()
    assert drawn[:, 1].tolist() == pytest.approx(dots.y)
    dsc = metric(scores, "dsc")
    group = distribution(scores, dsc).groups[0]
    assert distribution_chart(scores, dsc).data[1].x == group.dots.x
