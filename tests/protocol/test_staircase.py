import pytest
import torch

from nnunet_cscn.protocol.staircase import StaircaseSchedule, staircase

# 1e-3 x 0.9^k after k whole runs of 500 iterations, by hand: k = 0, 0, 1, 50, 99
RATES = {
    0: 1e-3,
    499: 1e-3,
    500: 9e-4,
    25_000: 5.1537752073201132e-06,
    49_999: 2.9512665430652753e-08,
}


@pytest.mark.parametrize(("iteration", "rate"), RATES.items())
def test_rates_are_those_of_the_closed_form(iteration, rate):
    assert staircase(iteration, initial=1e-3, every=500) == pytest.approx(rate, rel=1e-12)


@pytest.fixture
def optimizer():
    return torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def schedule(optimizer):
    return StaircaseSchedule(optimizer, initial=1e-3, every=500, iterations_per_epoch=250)


@pytest.mark.parametrize(("iteration", "rate"), RATES.items())
def test_the_optimiser_has_the_rate_of_each_iteration(optimizer, iteration, rate):
    stairs = schedule(optimizer)
    stairs.step(iteration // 250)
    for _ in range(iteration % 250):
        stairs.advance()
    assert (stairs.iteration, stairs.rate) == (iteration, pytest.approx(rate, rel=1e-12))
    assert [group["lr"] for group in optimizer.param_groups] == [stairs.rate]


def test_it_starts_with_the_initial_rate(optimizer):
    schedule(optimizer)
    assert optimizer.param_groups[0]["lr"] == 1e-3


def test_the_epoch_that_nnunet_tells_wins_over_what_was_counted(optimizer):
    stairs = schedule(optimizer)
    stairs.advance()
    stairs.step(4)  # as after a resumed training
    assert (stairs.iteration, optimizer.param_groups[0]["lr"]) == (1000, pytest.approx(8.1e-4))
