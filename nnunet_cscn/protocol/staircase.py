"""The paper's learning rate schedule: multiplied by 0.9 after a fixed number of iterations."""

from __future__ import annotations

from torch.optim import Optimizer

FACTOR = 0.9  # section 4.2


def staircase(iteration: int, *, initial: float, every: int) -> float:
    """Return the learning rate of an iteration, counted from 0.

    Args:
        iteration: Number of the iteration.
        initial: Learning rate at the start.
        every: Iterations between two steps.

    Example:
        >>> [round(staircase(i, initial=1e-3, every=500), 7) for i in (0, 499, 500, 1000)]
        [0.001, 0.001, 0.0009, 0.00081]
    """
    return float(initial * FACTOR ** (iteration // every))


class StaircaseSchedule:
    """Sets the learning rate in every iteration. (nnU-Net's own schedules change it only between epochs.)

    It has no state to save: in a resumed training, nnU-Net passes the epoch to ``step``.

    Args:
        optimizer: The optimiser.
        initial: Learning rate at the start.
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
        """The learning rate of the current iteration."""
        return staircase(self.iteration, initial=self._initial, every=self._every)

    def step(self, epoch: int) -> None:
        """Go to the first iteration of an epoch. nnU-Net calls this at the start of the epoch."""
        self._set_iteration(epoch * self._iterations_per_epoch)

    def advance(self) -> None:
        """Go to the next iteration."""
        self._set_iteration(self.iteration + 1)

    def _set_iteration(self, iteration: int) -> None:
        self.iteration = iteration
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
