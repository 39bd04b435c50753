"""The weights of the losses of both networks."""

import dataclasses
import types
from unittest.mock import MagicMock

import pytest
from torch import nn

from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.training.staged import CSCNStagedTrainer


@pytest.mark.parametrize(
    ("kind", "block", "weights"),
    [
        (CoarseToFineCSCN, {}, (1, 1)),
        (CSCN, {}, (0.5, 1)),
        (CoarseToFineCSCN, {"coarse_weight": 0.25, "fine_weight": 2}, (0.25, 2)),
        (CSCN, {"coarse_weight": 0.25}, (0.25, 1)),
    ],
)
def test_the_coarse_loss_counts_half_only_in_a_cascade_of_one_resolution(kind, block, weights):
    trainer = types.SimpleNamespace(
        settings=Settings.from_block(block),
        _cascade=lambda: MagicMock(spec=kind, coarse_scales=[[0.5]], n_fine_scales=1),
        _stage_loss=lambda *_args, **_kwargs: nn.Identity(),
    )
    loss = CSCNTrainer._build_loss(trainer)
    assert (loss.coarse_weight, loss.fine_weight) == weights


def test_the_fine_network_may_have_dice_and_cross_entropy():
    settings = Settings.from_block({"fine": {"loss": "dice_ce"}, "loss": {"dice_weight": 2}})
    assert settings.fine_loss == dataclasses.replace(settings.loss, gamma=0, distance_weighting=False)
    assert settings.fine_loss.dice_weight == 2
    assert settings.loss.uses_distance  # for the coarse network
    assert Settings().fine_loss == Settings().loss


def test_each_network_gets_its_own_loss():
    seen = []
    trainer = types.SimpleNamespace(
        settings=Settings.from_block({"fine": {"loss": "dice_ce"}}),
        _cascade=lambda: MagicMock(spec=CoarseToFineCSCN, coarse_scales=[[0.5]], n_fine_scales=1),
        _stage_loss=lambda *_args, settings=None, **_kwargs: seen.append(settings) or nn.Identity(),
    )
    CSCNTrainer._build_loss(trainer)
    assert seen == [None, trainer.settings.fine_loss]


@pytest.mark.parametrize(
    ("kind", "block", "expected"),
    [
        (CSCNTrainer, {"fine": {"loss": "dice_ce"}}, True),
        (CSCNStagedTrainer, {"fine": {"loss": "dice_ce"}}, False),
        (CSCNTrainer, {}, True),
        (CSCNStagedTrainer, {}, True),
        (CSCNStagedTrainer, {"loss": {"distance_weighting": False}}, False),
    ],
)
def test_distance_maps_are_needed_by_a_network_that_is_trained(kind, block, expected):
    trainer = kind.__new__(kind)
    trainer.settings = Settings.from_block(block)
    assert trainer.uses_distance is expected
