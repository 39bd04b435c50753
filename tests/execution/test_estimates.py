import dataclasses
import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.estimates import estimate, read_pace, tiles_of_case
from nnunet_cscn.training.pace import Pace

PACE = Pace(0.5, 0.2, 0.25, 5, 10, 100, 10, 8, 3)


def test_finished_epochs_take_no_time():
    """By hand: 52 s an epoch; 6 epochs of one fold, 10 of the other."""
    left = estimate(PACE, epochs_done=[4, 0], n_tiles=4)
    assert (left.epochs_left, left.training_s) == (16, pytest.approx(16 * 52))
    assert left.validation_s == pytest.approx(2 * 3 * 4 * 8 * 0.25)
    assert left.total_s == left.training_s + left.validation_s
    assert estimate(PACE, epochs_done=[10], n_tiles=4).training_s == 0


def test_a_time_budget_limits_the_training():
    """By hand: 6 epochs of 52 s left of one fold, within 200 s; 10 of the other, within 1000 s."""
    left = estimate(PACE, epochs_done=[4, 0], n_tiles=4, budgets_s=[200.0, 1000.0])
    assert left.training_s == pytest.approx(200 + 520)
    assert left.is_limited
    assert not estimate(PACE, epochs_done=[4, 0], n_tiles=4, budgets_s=[313.0, 521.0]).is_limited


def test_tiles_are_as_many_as_nnunet_lays():
    from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window

    for size, tile in (((40, 100, 160), (40, 80, 80)), ((31, 200, 90), (16, 64, 96)), ((12, 32, 32), (8, 16, 16))):
        padded = tuple(max(pair) for pair in zip(size, tile, strict=True))
        steps = compute_steps_for_sliding_window(padded, tile, 0.5)
        expected = len(steps[0]) * len(steps[1]) * len(steps[2])
        assert tiles_of_case(size, tile) == expected


def test_another_file_is_refused(tmp_path):
    (tmp_path / "pace.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="not a measured pace"):
        read_pace(tmp_path / "pace.json")


@pytest.mark.parametrize("value", [None, "1", [1], True, -1, float("nan"), float("inf")])
def test_a_pace_that_is_not_of_numbers_is_refused(tmp_path, value):
    content = {**dataclasses.asdict(PACE), "n_mirrored": value}
    (tmp_path / "pace.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="not a measured pace"):
        read_pace(tmp_path / "pace.json")
