"""The metrics that a user chooses by their keys."""

import pytest

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.metrics.defaults import COMPARED_METRICS
from nnunet_cscn.metrics.selection import compared_metrics, surface_tolerances_mm


def test_metrics_come_in_the_order_of_their_keys_each_once():
    found = compared_metrics(["hd95_mm", "nsd_0.5mm", "dsc", "hd95_mm"])
    assert [metric.key for metric in found] == ["hd95_mm", "nsd_0.5mm", "dsc"]
    assert [metric.better for metric in found] == ["lower", "higher", "higher"]


def test_the_default_ones_exist():
    assert [metric.key for metric in compared_metrics(COMPARED_METRICS)] == list(COMPARED_METRICS)


@pytest.mark.parametrize("key", ["dice", "volume_ml", ""])
def test_an_unknown_metric_is_refused_with_those_available(key):
    with pytest.raises(ArgumentError, match=f"unknown metric {key}; available: dsc, precision"):
        compared_metrics([key])


@pytest.mark.parametrize("key", ["nsd_xmm", "nsd_-1mm", "nsd_2", "nsd_2.0mm", "nsd_infmm"])
def test_a_key_without_a_tolerance_is_refused(key):
    with pytest.raises(ArgumentError, match="metrics: expected a tolerance in mm"):
        surface_tolerances_mm([key])
