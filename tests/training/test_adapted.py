"""Weights of one data set for the channels and labels of another one."""

import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

import tiny_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.trainer import PlansManager
from nnunet_cscn.training.adapted import adapt_weights
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.heads import load_heads
from nnunet_cscn.training.interface import Interface
from nnunet_cscn.training.staged import CSCNStagedTrainer

TRAINERS = [CSCNTrainer, CSCNStagedTrainer, BUNetTrainer, ACDNetTrainer, nnUNetTrainer]
OTHER = {"labels": {"background": 0, "GTVn": 1, "brainstem": 2, "GTVp": 3}}
KERNELS = "fine.encoder.stem.0.seg_layers.weight"
HEAD = "fine.decoder.seg_layers.0.weight"


def adapt(tmp_path, trainer, dataset=OTHER, channels=("MRI",), *, old=("MRI",), given=tiny_checkpoint.LABELS, **more):
    file, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    weights = tiny_checkpoint.write(file, trainer, channels=old, dataset=given)
    description = tiny_checkpoint.description(dataset, channels)
    result = adapt_weights(file, target, plans=tiny_checkpoint.manager().plans, dataset_json=description, **more)
    return result, torch.load(target, weights_only=True)["network_weights"], weights


@pytest.mark.parametrize("trainer", TRAINERS)
def test_weights_of_every_trainer_load_on_other_channels_and_labels(tmp_path, trainer):
    result, weights, _ = adapt(tmp_path, trainer, channels=("CT", "MRI"))
    assert (result.kept_channels, result.new_channels) == (("MRI",), ("CT",))
    assert (result.kept_labels, result.new_labels) == (("background", "GTVn", "GTVp"), ("brainstem",))
    network = tiny_checkpoint.network(trainer, dataset=OTHER, channels=("CT", "MRI"))
    load_pretrained_weights(network, tmp_path / "start.pth")
    after = network.state_dict()
    assert all(torch.equal(after[key], weights[key]) for key in after if ".seg_layers." not in key)
    network.load_state_dict(weights)  # the heads fit too


def test_channels_are_matched_by_name_and_new_ones_start_from_the_mean(tmp_path):
    key = "encoder.stages.0.0.convs.0.conv.weight"
    result, weights, given = adapt(tmp_path, BUNetTrainer, channels=("T2", "CT", "T1"), old=("T1", "T2", "PET"))
    assert torch.equal(weights[key][:, 0], given[key][:, 1])
    assert torch.equal(weights[key][:, 2], given[key][:, 0])
    mean = (given[key][:, 0] + given[key][:, 1] + given[key][:, 2]) / 3
    assert torch.allclose(weights[key][:, 1], mean)
    assert result.dropped_channels == ("PET",)


def test_labels_are_matched_by_name_in_heads_and_in_the_kernels_that_see_probabilities(tmp_path):
    _, weights, given = adapt(tmp_path, CSCNTrainer)
    for new, old in ((0, 0), (1, 2), (3, 1)):
        assert torch.equal(weights[KERNELS][:, new], given[KERNELS][:, old])
        assert torch.equal(weights[HEAD][new], given[HEAD][old])


def test_what_is_new_follows_the_seed(tmp_path):
    first, again, other = (adapt(tmp_path, CSCNTrainer, seed=seed)[1][HEAD][2] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_heads_of_labels_and_of_regions_do_not_replace_each_other(tmp_path):
    regions = {"labels": {"background": 0, "GTVp": [1, 2], "GTVn": 2}, "regions_class_order": [1, 2]}
    result, weights, given = adapt(tmp_path, CSCNTrainer, regions)
    assert not result.heads_kept
    assert not torch.equal(weights[HEAD][0], given[HEAD][1])
    assert torch.equal(weights[KERNELS][:, 0], given[KERNELS][:, 1])  # what GTVp means is the same
    network = tiny_checkpoint.network(CSCNTrainer, dataset=regions)
    network.load_state_dict(weights)
    assert network.fusion.is_regions


def test_an_old_checkpoint_is_adapted_too(tmp_path):
    file = tmp_path / "checkpoint_final.pth"
    tiny_checkpoint.write(file, CSCNTrainer)
    checkpoint = torch.load(file, weights_only=False)
    old = checkpoint["network_weights"]
    image = "fine.encoder.stem.0.weight"
    kernels = old.pop(KERNELS)
    old[image] = torch.cat([old[image], kernels], dim=1)
    torch.save(checkpoint, file)
    plans, description = tiny_checkpoint.manager().plans, tiny_checkpoint.description(OTHER)
    adapt_weights(file, tmp_path / "start.pth", plans=plans, dataset_json=description)
    weights = torch.load(tmp_path / "start.pth", weights_only=True)["network_weights"]
    assert torch.equal(weights[KERNELS][:, 1], kernels[:, 2])


def test_other_plans_are_refused_with_the_command_that_copies_the_models(tmp_path):
    with pytest.raises(UserError, match="nnUNetv2_move_plans_between_datasets -s Dataset901_Tiny"):
        adapt(tmp_path, BUNetTrainer, configuration=tiny_checkpoint.COARSE)
    assert not (tmp_path / "start.pth").exists()


def test_heads_are_loaded_where_the_labels_are_those_of_the_file(tmp_path):
    _, weights, _ = adapt(tmp_path, CSCNTrainer)
    network = tiny_checkpoint.network(CSCNTrainer, dataset=OTHER)
    labels = ("background", "GTVn", "brainstem", "GTVp")
    heads = [key for key in weights if ".seg_layers." in key and "_extra_state" not in key]
    assert load_heads(network, tmp_path / "start.pth", labels) == len(heads)
    assert all(torch.equal(network.state_dict()[key], weights[key]) for key in heads)
    with pytest.raises(UserError, match="was made for the labels"):
        load_heads(network, tmp_path / "start.pth", labels[::-1])


def test_heads_of_a_finished_stage_one_stay(tmp_path):
    _, weights, _ = adapt(tmp_path, CSCNStagedTrainer)
    network = tiny_checkpoint.network(CSCNStagedTrainer, dataset=OTHER)
    key = "coarse.decoder.seg_layers.0.weight"
    before = network.state_dict()[key].clone()
    load_heads(network, tmp_path / "start.pth", ("background", "GTVn", "brainstem", "GTVp"))
    assert torch.equal(network.state_dict()[key], before)
    assert torch.equal(network.state_dict()[HEAD], weights[HEAD])


@pytest.mark.parametrize("content", [None, b"none of ours"])
def test_heads_of_a_file_that_is_none_are_refused(tmp_path, content):
    file = tmp_path / "start.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match="CSCN_HEADS"):
        load_heads(torch.nn.Conv2d(1, 1, 1), file, ("background",))


def test_a_training_loads_the_heads_that_the_variable_names(make_trainer, tmp_path, monkeypatch):
    trainer = make_trainer(CSCNTrainer)
    trainer.initialize()
    start = {key: torch.full_like(value, 0.5) for key, value in trainer.network.state_dict().items()}
    torch.save({"network_weights": start, "labels": ("background", "GTVp", "GTVn")}, tmp_path / "start.pth")
    monkeypatch.setenv("CSCN_HEADS", str(tmp_path / "start.pth"))
    trainer.on_train_start()
    after = trainer.network.state_dict()
    assert (after[HEAD] == 0.5).all()
    assert not (after["fine.encoder.stem.0.weight"] == 0.5).any()


def test_the_inputs_of_nnunets_own_cascade_are_the_channels_and_the_previous_labels():
    plans = tiny_checkpoint.manager().plans
    plans["configurations"]["3d_second"] = {"inherits_from": "3d_tiny", "previous_stage": "3d_tiny"}
    interface = Interface.of(PlansManager(plans), "3d_second", tiny_checkpoint.description())
    assert interface.channels == ("MRI", "segmentation of GTVp", "segmentation of GTVn")
