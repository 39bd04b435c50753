import numpy as np
import pytest

from nnunet_cscn.report.chart_values import Box, charted_metrics, dsc_by_volume, point_offsets, points_of, volumes_of


def metric(scores, key):
    return next(metric for metric in scores.metrics if metric.key == key)


def test_points_are_the_finite_values_of_a_metric(predicted):
    scores = predicted.scores
    dsc = points_of(scores, "GTVp", metric(scores, "dsc"))
    assert dsc.cases == ("exact", "far", "invented", "missed", "near")
    assert dsc.values[0] == 1.0
    assert dsc.values[2] == dsc.values[3] == 0.0
    assert points_of(scores, "GTVp", metric(scores, "assd_mm")).cases == ("exact", "far", "near")
    assert points_of(scores, "GTVn", metric(scores, "dsc")).cases == ("exact",)


def test_precision_of_an_empty_prediction_is_shown_as_it_enters_the_mean(predicted):
    points = points_of(predicted.scores, "GTVp", metric(predicted.scores, "precision"))
    assert dict(zip(points.cases, points.values, strict=True))["missed"] == 0.0


def test_metrics_without_a_better_side_and_those_that_say_the_same_are_not_charted(predicted):
    keys = [metric.key for metric in charted_metrics(predicted.scores.metrics)]
    assert {"dsc", "nsd_1mm", "nsd_2mm", "nsd_3mm", "assd_mm", "hd95_mm"} <= set(keys)
    assert not {"f1", "iou", "hd_mm", "volume_ml", "n_components"} & set(keys)


def test_cases_without_a_reference_have_no_place_on_the_axis_of_volumes(predicted):
    points, volumes_ml = dsc_by_volume(predicted.scores, "GTVp")
    assert points.cases == ("exact", "far", "missed", "near")
    assert len(set(volumes_ml)) == 1
    assert volumes_ml[0] > 0


def test_volumes_are_compared_wherever_there_is_one(predicted):
    cases, agreement = volumes_of(predicted.scores, "GTVp")
    assert cases == ["exact", "far", "invented", "missed", "near"]
    assert agreement.differences_ml[cases.index("missed")] == -agreement.differences_ml[cases.index("invented")] < 0


def test_whiskers_end_at_the_last_point_within_one_and_a_half_boxes():
    box = Box.from_values([0.0, 10.0, 11.0, 12.0, 13.0, 30.0])
    assert (box.q25, box.median, box.q75) == (10.25, 11.5, 12.75)
    assert (box.low, box.high) == (10.0, 13.0)  # fences at 6.5 and 16.5


@pytest.mark.parametrize("n", [0, 1, 50])
def test_points_stand_beside_each_other_inside_the_box(n):
    offsets = point_offsets(n)
    assert len(set(offsets)) == n
    assert all(np.abs(offsets) < 0.25)
    assert offsets == point_offsets(n)
