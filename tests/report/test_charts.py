import numpy as np
import pytest

from nnunet_cscn.report.chart_values import Box
from nnunet_cscn.report.charts import bland_altman_chart, distribution_chart, surface_chart, volume_dsc_chart
from nnunet_cscn.report.surfaces import surface_of


def metric(scores, key):
    return next(metric for metric in scores.metrics if metric.key == key)


def test_a_distribution_has_the_quartiles_of_the_tables_and_a_point_for_each_case(predicted):
    scores = predicted.scores
    chart = distribution_chart(scores, metric(scores, "dsc"))
    box, points = chart.data[:2]
    statistics = scores.aggregate["GTVp"].statistics["dsc"]
    assert (box.q1[0], box.median[0], box.q3[0]) == (statistics.q25, statistics.median, statistics.q75)
    assert points.customdata == ("exact", "far", "invented", "missed", "near")
    assert max(points.y) == 1.0
    assert list(chart.layout.xaxis.ticktext) == ["GTVp", "GTVn"]


def test_a_label_without_any_value_leaves_its_place_empty(predicted):
    chart = distribution_chart(predicted.scores, metric(predicted.scores, "assd_mm"))
    assert [type(trace).__name__ for trace in chart.data] == ["Box", "Scatter"] * 2
    assert Box.from_values([0.0]).median == chart.data[2].median[0] == 0.0  # GTVn, one exact case


def test_overlap_is_shown_over_the_logarithm_of_the_volume(predicted):
    chart = volume_dsc_chart(predicted.scores)
    assert chart.layout.xaxis.type == "log"
    assert chart.data[0].customdata == ("exact", "far", "missed", "near")


def test_bias_and_limits_are_lines(predicted):
    chart = bland_altman_chart(predicted.scores, "GTVp")
    assert len(chart.layout.shapes) == 3
    assert chart.layout.shapes[0].y0 == pytest.approx(np.mean(chart.data[0].y))
    assert len(bland_altman_chart(predicted.scores, "GTVn").layout.shapes) == 1  # a single case has no limits


def test_names_are_no_markup(predicted):
    scores = predicted.scores
    odd = type(scores)(cases={"<b>x</b>": next(iter(scores.cases.values()))}, metrics=scores.metrics)
    assert volume_dsc_chart(odd).data[0].text == ("&lt;b&gt;x&lt;/b&gt;",)


def test_colours_of_a_surface_have_zero_in_the_middle():
    mask = np.zeros((6, 8, 8), bool)
    mask[2:4, 2:6, 2:6] = True
    surface = surface_of(mask, (1.0, 1.0, 1.0))
    distances = np.linspace(-10, 5, len(surface.points_mm)).astype(np.float32)
    chart = surface_chart(surface, distances, surface)
    colours = next(trace for trace in chart.data if trace.name == "prediction")
    assert colours.cmin == -colours.cmax
    assert 9 < colours.cmax <= 10


def test_surfaces_that_are_missing_are_left_out():
    mask = np.zeros((6, 8, 8), bool)
    mask[2:4, 2:6, 2:6] = True
    surface = surface_of(mask, (1.0, 1.0, 1.0))
    assert [t.name for t in surface_chart(None, None, surface).data if t.name] == ["reference"]
    assert [t.name for t in surface_chart(surface, None, None).data if t.name] == ["prediction"]
    assert not surface_chart(None, None, None).data


def test_the_letters_stand_where_the_directions_are():
    mask = np.zeros((6, 8, 8), bool)
    mask[2:4, 2:6, 2:6] = True
    surface = surface_of(mask, (1.0, 1.0, 1.0))
    letters = surface_chart(None, None, surface).data[-1]
    at = {letter: (letters.x[i], letters.y[i], letters.z[i]) for i, letter in enumerate(letters.text)}
    assert at["R"][0] < at["L"][0]  # x grows to the left, y to the back, z to the head
    assert at["A"][1] < at["P"][1]
    assert at["F"][2] < at["H"][2]
