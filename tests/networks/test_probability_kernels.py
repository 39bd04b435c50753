"""The kernels that see probabilities, under a name that nnU-Net takes for a head's."""

import copy

import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from torch import nn

import tiny_checkpoint
from nnunet_cscn.networks.probability_kernels import store_apart
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.training.staged import CSCNStagedTrainer

APART = "fine.encoder.stem.0.seg_layers.weight"
IMAGE = "fine.encoder.stem.0.weight"
MORE = {"labels": {"background": 0, "GTVp": 1, "GTVn": 2, "brainstem": 3}}
FEWER = {"labels": {"background": 0, "GTVp": 1}}


@pytest.fixture
def convolution():
    made = nn.Conv3d(5, 4, 3)
    store_apart(made, 2)
    return made


def test_both_parts_are_the_convolutions_own(convolution):
    state = convolution.state_dict()
    assert torch.equal(state["weight"], convolution.weight[:, :2])
    assert torch.equal(state["seg_layers.weight"], convolution.weight[:, 2:])


@pytest.mark.parametrize("way", ["apart", "whole"])
def test_weights_load_apart_and_in_one_piece(convolution, way):
    whole = {key: torch.randn_like(value) for key, value in convolution.named_parameters()}
    given = dict(whole)
    if way == "apart":
        given |= {"weight": whole["weight"][:, :2], "seg_layers.weight": whole["weight"][:, 2:]}
    copy.deepcopy(convolution).load_state_dict(given)
    assert not torch.equal(convolution.weight, whole["weight"])  # a copy has hooks of its own
    convolution.load_state_dict(given)
    assert torch.equal(convolution.weight, whole["weight"])


@pytest.mark.parametrize("name", [tiny_checkpoint.CONFIGURATION, tiny_checkpoint.FULL])
@pytest.mark.parametrize("trainer", [CSCNTrainer, CSCNStagedTrainer])
@pytest.mark.parametrize("dataset", [FEWER, MORE, tiny_checkpoint.REGIONS])
def test_nnunet_loads_a_cascade_of_other_labels_but_for_what_depends_on_them(tmp_path, name, trainer, dataset):
    file = tmp_path / "weights.pth"
    given = tiny_checkpoint.write(file, trainer, name=name)
    network = tiny_checkpoint.network(trainer, dataset=dataset, name=name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_pretrained_weights(network, file)
    after = network.state_dict()
    loaded = [key for key in after if ".seg_layers." not in key]
    assert IMAGE in loaded
    assert all(torch.equal(after[key], given[key]) for key in loaded)
    assert torch.equal(after[APART], before[APART])


def test_a_checkpoint_of_before_still_loads(tmp_path):
    network = tiny_checkpoint.network(CSCNTrainer)
    old = dict(network.state_dict())
    old[IMAGE] = torch.cat([old[IMAGE], old.pop(APART)], dim=1)
    other = tiny_checkpoint.network(CSCNTrainer)
    other.load_state_dict(old)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in network.state_dict().items())
