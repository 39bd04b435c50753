"""The paper's learning rate: constant for some iterations, then nine tenths of it, and so on."""

from __future__ import annotations

from torch.optim import Optimizer

FACTOR = 0.9  # section 4.2


def staircase(iteration: int, *, initial: float, every: int) -> float:
    """Return the learning rate of an iteration, counted from 0.

    Args:
        iteration: Which.
        initial: The rate at the start.
        every: Iterations between two steps.

    Example:
        >>> [round(staircase(i, initial=1e-3, every=500), 7) for i in (0, 499, 500, 1000)]
        [0.001, 0.001, 0.0009, 0.00081]
    """
    return float(initial * FACTOR ** (iteration // every))


class StaircaseSchedule:
    """Sets the learning rate of every iteration; nnU-Net's own schedules change it between epochs.

    It keeps nothing that a resumed training would need: the epoch, which nnU-Net gives it, says where it stands.

    Args:
        optimizer: Whose rate is set.
        initial: The rate at the start.
        every: Iterations between two steps.
        iterations_per_epoch: Iterations in an epoch.
    """

    def __init__(self, optimizer: Optimizer, *, initial: float, every: int, iterations_per_epoch: int) -> None:
        self._optimizer = optimizer
        self._initial = initial
        self._every = every
        self._iterations_per_epoch = iterations_per_epoch
        self.step(0)

    @property
    def rate(self) -> float:
        """The learning rate of the present iteration."""
        return staircase(self.iteration, initial=self._initial, every=self._every)

    def step(self, epoch: int) -> None:
        """Stand at the first iteration of an epoch; nnU-Net calls this at its start."""
        self._stand_at(epoch * self._iterations_per_epoch)

    def advance(self) -> None:
        """Go on by one iteration."""
        self._stand_at(self.iteration + 1)

    def _stand_at(self, iteration: int) -> None:
        self.iteration = iteration
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
