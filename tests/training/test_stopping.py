"""Trainings that end before their number of epochs, with a clock of their own."""

import itertools
import re
from pathlib import Path

import pytest
import torch

from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.trainings import NEW_TOTAL
from nnunet_cscn.training import stopping
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.paper import BUNetPaperTrainer


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by one second each time that somebody looks."""
    ticks = itertools.count()
    monkeypatch.setattr(stopping, "clock", lambda: float(next(ticks)))


def log_of(trainer):
    return trainer.logger.get_checkpoint()


def test_a_time_budget_ends_the_training_with_a_low_rate(make_trainer, clock):
    # an epoch of 2 steps: the clock is looked at 6 times, so it takes 5 s
    trainer = make_trainer(BUNetTrainer, cscn={"epochs": 500, "stop": {"minutes": 0.5}})
    trainer.run_training()
    rates = log_of(trainer)["lrs"]
    assert trainer.current_epoch == trainer.num_epochs == len(rates) == 6
    assert rates == pytest.approx([0.01 * (1 - epoch / 6) ** 0.9 for epoch in range(6)])


def test_what_is_written_at_the_end_of_an_epoch_takes_time_of_the_budget(make_trainer, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(stopping, "clock", lambda: float(next(ticks)))
    trainer = make_trainer(BUNetTrainer, cscn={"epochs": 500, "stop": {"minutes": 0.5}})
    trainer.initialize()
    save = trainer.save_checkpoint

    def slow(filename):
        save(filename)
        for _ in range(5):
            next(ticks)

    monkeypatch.setattr(trainer, "save_checkpoint", slow)
    trainer.save_every = 1  # nnU-Net does not write the latest checkpoint after the last epoch
    trainer.run_training()
    # 5 s for the first epoch, then 5 s for the checkpoint and 5 s for each further one (and 5 s for a new best): at
    # most 3 epochs fit into 30 s
    assert trainer.current_epoch <= 3


def test_the_log_tells_the_number_of_epochs_to_the_progress_bar(make_trainer, clock):
    trainer = make_trainer(BUNetTrainer, cscn={"epochs": 3, "stop": {"minutes": 500}})  # the time is enough for all
    trainer.run_training()
    log = Path(trainer.log_file).read_text(encoding="utf-8")
    assert re.findall(NEW_TOTAL, log) == ["3"]


def test_patience_ends_the_training_after_the_cooldown(make_trainer, monkeypatch):
    trainer = make_trainer(CSCNTrainer, cscn={"epochs": 50, "stop": {"patience": 2, "cooldown": 1}})
    on_end = trainer.on_validation_epoch_end

    def never_better(outputs):
        on_end([{**step, "tp_hard": 0 * step["tp_hard"], "fp_hard": 1 + 0 * step["fp_hard"]} for step in outputs])

    monkeypatch.setattr(trainer, "on_validation_epoch_end", never_better)
    trainer.run_training()
    assert len(log_of(trainer)["lrs"]) == 1 + 2 + 1  # the first is the best


def test_epochs_are_shortened_by_the_pace_of_the_first_steps(make_trainer, clock):
    cscn = {"epochs": 1, "iterations_per_epoch": 60, "validation_iterations_per_epoch": 6, "stop": {"minutes": 10.4}}
    trainer = make_trainer(BUNetTrainer, cscn=cscn)
    trainer.run_training()
    # a step takes 1 s, an epoch 60 + 6 / 3 s, twenty of them 1240 s: about half of that is there
    assert (trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (30, 3)


def test_an_interrupted_training_goes_on_with_the_time_that_is_left(make_trainer, clock):
    cscn = {"epochs": 500, "stop": {"minutes": 0.5}}
    first = make_trainer(BUNetTrainer, cscn=cscn, run="first")
    first.save_every = 2

    class KilledError(Exception):
        pass

    def killed():
        raise KilledError

    first.initialize()
    save, saved = first.save_checkpoint, []

    def save_and_die(filename):
        save(filename)
        saved.append(filename)
        if filename.endswith("latest.pth"):
            killed()

    first.save_checkpoint = save_and_die
    with pytest.raises(KilledError):
        first.run_training()
    resumed = make_trainer(BUNetTrainer, cscn=cscn, run="second")
    resumed.load_checkpoint(saved[-1])
    assert resumed.current_epoch == 2
    assert resumed.num_epochs == 6
    resumed.run_training()
    assert log_of(resumed)["lrs"] == pytest.approx([0.01 * (1 - epoch / 6) ** 0.9 for epoch in range(6)])
    checkpoint = torch.load(f"{resumed.output_folder}/checkpoint_final.pth", weights_only=False)
    again = make_trainer(BUNetTrainer, cscn=cscn, run="third")
    again.load_checkpoint(f"{resumed.output_folder}/checkpoint_final.pth")
    assert checkpoint["current_epoch"] == again.current_epoch == again.num_epochs == 6  # nothing is left to do


def test_without_the_options_nnunets_schedule_is_used(make_trainer):
    trainer = make_trainer(BUNetTrainer)
    trainer.initialize()
    assert type(trainer.lr_scheduler).__name__ == "PolyLRScheduler"


def test_the_papers_protocol_has_no_early_end(make_trainer):
    with pytest.raises(UserError, match="stop option"):
        make_trainer(BUNetPaperTrainer, cscn={"protocol": {}, "stop": {"patience": 3}})
