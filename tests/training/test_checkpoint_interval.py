from pathlib import Path

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.training import checkpoint_interval
from nnunet_cscn.training.cscn import BUNetTrainer


@pytest.fixture
def saved_after(make_trainer, monkeypatch):
    """Return a function that trains 6 epochs of 6 minutes and returns those after which the latest state was saved."""

    def train(**options):
        trainer = make_trainer(BUNetTrainer, cscn={"epochs": 6, **options})
        saved = []
        monkeypatch.setattr(checkpoint_interval, "clock", lambda: 360.0 * trainer.current_epoch)
        write = trainer.save_checkpoint

        def note(filename):
            if Path(filename).name == "checkpoint_latest.pth":
                saved.append(trainer.current_epoch)
            write(filename)

        trainer.save_checkpoint = note
        trainer.run_training()
        return saved

    return train


def test_the_latest_checkpoint_is_written_every_ten_minutes(saved_after):
    """At the end of epoch 2 (counted from 0) 12 minutes have passed, then 12 more at the end of epoch 4."""
    assert saved_after() == [2, 4]


def test_the_interval_is_an_option(saved_after):
    assert saved_after(checkpoint_minutes=15) == [3]


def test_without_it_nnunets_interval_counts(saved_after):
    assert saved_after(checkpoint_minutes=None) == []


def test_an_interval_of_nothing_is_refused(make_trainer):
    with pytest.raises(UserError, match="checkpoint_minutes"):
        make_trainer(BUNetTrainer, cscn={"checkpoint_minutes": 0})
