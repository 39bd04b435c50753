"""How far a training has come; expected values are calculated by hand."""

import json

import pytest
import torch

from nnunet_cscn.protocol.epoch_budget import BudgetSchedule, EpochBudget, epoch_share
from nnunet_cscn.settings.stop import StopSettings


def run(budget, *, seconds=1.0, scores=None):
    """Let epochs pass until the budget; return the progress at the start of each."""
    seen, epoch = [], 0
    while epoch < budget.num_epochs:
        seen.append(budget.progress)
        score = epoch if scores is None else scores[min(epoch, len(scores) - 1)]
        budget.advance(epoch, seconds=seconds(epoch) if callable(seconds) else seconds, score=score)
        epoch += 1
    return seen


def test_without_a_limit_the_progress_is_nnunets():
    budget = EpochBudget(StopSettings(patience=100), planned_epochs=4)
    assert run(budget) == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4])
    assert budget.progress == 1.0


def test_a_budget_holds_as_many_epochs_as_its_time_and_the_rate_falls_evenly():
    budget = EpochBudget(StopSettings(minutes=2), planned_epochs=1000)
    assert run(budget, seconds=12.0) == pytest.approx([epoch / 10 for epoch in range(10)])
    assert budget.seconds == 120.0


def test_a_budget_never_makes_a_training_longer():
    assert len(run(EpochBudget(StopSettings(minutes=60), planned_epochs=7), seconds=1.0)) == 7


@pytest.mark.parametrize("pace", [lambda epoch: 10 if epoch < 3 else 30, lambda epoch: 30 if epoch < 3 else 10])
def test_where_the_pace_changes_the_rate_still_falls_and_the_time_is_kept(pace):
    budget = EpochBudget(StopSettings(minutes=10), planned_epochs=1000)
    seen = run(budget, seconds=pace)
    assert seen == sorted(seen)
    assert seen[-1] > 0.9  # the last epoch has a low rate: nothing is cut off
    assert 600 - 40 <= budget.seconds <= 600


def test_the_first_epochs_compilation_is_spent_but_is_no_pace():
    budget = EpochBudget(StopSettings(minutes=10), planned_epochs=1000)
    budget.advance(0, seconds=310.0, pace=10.0, score=0)
    assert budget.num_epochs == 1 + 29  # 290 of 600 s are left
    assert budget.progress == pytest.approx(1 / 30)


def test_when_patience_ends_the_rate_falls_to_0_in_the_cooldown():
    budget = EpochBudget(StopSettings(patience=3, cooldown=2), planned_epochs=100)
    seen = run(budget, scores=[1, 2, 5, 4, 4, 4, 9])  # the best after 3 epochs, so patience ends after 6
    assert len(seen) == 8
    assert seen[:6] == pytest.approx([epoch / 100 for epoch in range(6)])
    assert seen[6] == pytest.approx(0.05 + 0.95 / 3)
    assert seen[7] == pytest.approx(0.05 + 2 * 0.95 / 3)
    assert budget.progress == 1.0


def test_a_score_that_rises_again_in_time_is_waited_for():
    assert len(run(EpochBudget(StopSettings(patience=3), planned_epochs=9), scores=[2, 1, 1, 3, 1, 1, 4, 4, 4])) == 9


def test_a_restored_budget_goes_on_as_if_nothing_had_happened():
    settings = StopSettings(minutes=1, patience=50)
    whole, first, second = (EpochBudget(settings, planned_epochs=100) for _ in range(3))
    expected = run(whole, seconds=3.0)
    for epoch in range(5):
        first.advance(epoch, seconds=3.0, score=epoch)
    second.restore(json.loads(json.dumps(first.state())))
    assert second.num_epochs == len(expected)
    assert second.progress == pytest.approx(expected[5])


@pytest.mark.parametrize(
    ("step_seconds", "minutes", "share"),
    [
        (1.0, 1000.0, 1.0),
        (1.0, 20.0, 60 * 20 / (20 * (250 + 50 / 3))),
        (2.0, 20.0, 60 * 20 / (20 * 2 * (250 + 50 / 3))),
    ],
)
def test_epochs_are_shortened_until_a_budget_holds_twenty(step_seconds, minutes, share):
    found = epoch_share(step_seconds, minutes=minutes, iterations=250, validation_iterations=50)
    assert found == pytest.approx(share)


def test_the_schedule_is_nnunets_polynomial_of_the_progress():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    budget = EpochBudget(StopSettings(minutes=1), planned_epochs=10)
    schedule = BudgetSchedule(optimizer, initial=0.01, budget=budget)
    assert optimizer.param_groups[0]["lr"] == 0.01
    budget.progress = 0.75
    schedule.step(3)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 0.25**0.9)
