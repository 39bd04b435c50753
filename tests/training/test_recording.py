"""What a training writes for its curves."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nnunet_cscn.losses.deep_supervision import CascadeLoss, DeepSupervisionLoss
from nnunet_cscn.protocol.epochs import FILE, read_epochs
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.stage_losses import StageLosses


class MeanLoss(nn.Module):
    def forward(self, logits, _target, _distance):
        return logits.mean()


def test_the_losses_of_both_networks_are_noted_apart_and_unweighted():
    stages = [DeepSupervisionLoss(MeanLoss(), [1.0], has_distance=False) for _network in ("coarse", "fine")]
    loss = CascadeLoss(*stages, coarse_weight=0.5, fine_weight=2.0)
    parts = StageLosses(loss)
    target = [torch.zeros(1, 1, 2, 2)]
    for coarse, fine in ((1.0, 3.0), (2.0, 7.0)):
        loss([None, [torch.full((1, 1, 2, 2), coarse)], [torch.full((1, 1, 2, 2), fine)]], target)
    assert parts.pop_losses() == {"coarse": 1.5, "fine": 5.0}
    assert parts.pop_losses() == {}


def test_a_single_network_has_no_parts():
    loss = DeepSupervisionLoss(MeanLoss(), [1.0], has_distance=False)
    parts = StageLosses(loss)
    loss([torch.zeros(1, 1, 2, 2)], [torch.zeros(1, 1, 2, 2)])
    assert parts.pop_losses() == {}


@pytest.mark.parametrize("resolution", ["pooled", "full"])
def test_every_epoch_of_a_cascade_is_written_with_both_losses(make_trainer, resolution):
    trainer = make_trainer(CSCNTrainer, cscn={"epochs": 2, "coarse_weight": 0.25, "coarse": {"resolution": resolution}})
    trainer.run_training()
    rows = read_epochs(Path(trainer.output_folder) / FILE)
    log = trainer.logger.get_checkpoint()
    assert [row["epoch"] for row in rows] == [0, 1]
    for row, lr, loss, dsc in zip(rows, log["lrs"], log["train_losses"], log["ema_fg_dice"], strict=True):
        assert row["learning_rate"] == pytest.approx(lr, rel=1e-5)
        assert row["training_loss"] == pytest.approx(loss, rel=1e-4)
        assert row["dsc_moving_average"] == pytest.approx(dsc, rel=1e-4, abs=1e-9)
        for kind in ("training", "validation"):  # the weights of the losses are 0.25 and 1
            whole = 0.25 * row[f"{kind}_loss_coarse"] + row[f"{kind}_loss_fine"]
            assert whole == pytest.approx(row[f"{kind}_loss"], rel=1e-4)


def test_event_files_hold_the_same_numbers(make_trainer):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = make_trainer(BUNetTrainer, cscn={"epochs": 2})
    trainer.run_training()
    folder = Path(trainer.output_folder)
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    rows = read_epochs(folder / FILE)
    for tag, column in (("loss/training", "training_loss"), ("learning rate", "learning_rate")):
        assert [event.value for event in events.Scalars(tag)] == pytest.approx([row[column] for row in rows], rel=1e-4)
    assert {"DSC of patches/GTVp", "DSC of patches/GTVn"} <= set(events.Tags()["scalars"])
    assert "loss of the fine network/training" not in events.Tags()["scalars"]
