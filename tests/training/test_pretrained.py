import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

import tiny_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer
from nnunet_cscn.training.pretrained import cscn_from_bunet

UNET_TRAINERS = [BUNetTrainer, nnUNetTrainer]


@pytest.fixture
def made(tmp_path):
    """Return a function that makes CSCN weights and returns them with the tensors of the checkpoint."""

    def make(trainer=BUNetTrainer, *, dataset=tiny_checkpoint.LABELS, seed=0):
        source, target = tmp_path / "checkpoint_final.pth", tmp_path / "new" / "start.pth"
        given = tiny_checkpoint.write(source, trainer, dataset=dataset, name=tiny_checkpoint.COARSE)
        assert cscn_from_bunet(source, target, name=tiny_checkpoint.CONFIGURATION, seed=seed) == len(given)
        return torch.load(target, weights_only=False)["network_weights"], given

    return make


def half(weights, name):
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


@pytest.mark.parametrize("trainer", UNET_TRAINERS)
def test_the_coarse_half_is_the_checkpoints(made, trainer):
    weights, given = made(trainer)
    coarse = half(weights, "coarse")
    assert coarse.keys() == given.keys()
    assert all(torch.equal(coarse[key], given[key]) for key in given)


def test_the_fine_half_is_fresh_and_follows_the_seed(made):
    first, again, other = (half(made(seed=seed)[0], "fine") for seed in (0, 0, 1))
    assert first.keys() == tiny_checkpoint.network(CSCNTrainer).fine.state_dict().keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    kernels = [key for key in first if first[key].dim() > 1]
    assert kernels
    assert not any(torch.equal(first[key], other[key]) for key in kernels)


@pytest.mark.parametrize("trainer", UNET_TRAINERS)
@pytest.mark.parametrize("dataset", [tiny_checkpoint.LABELS, tiny_checkpoint.REGIONS])
def test_nnunet_loads_all_but_the_heads_into_a_cscn(made, tmp_path, trainer, dataset):
    weights, _ = made(trainer, dataset=dataset)
    torch.manual_seed(9)
    network = tiny_checkpoint.network(CSCNTrainer, dataset=dataset)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_pretrained_weights(network, tmp_path / "new" / "start.pth")
    heads = [key for key in before if ".seg_layers." in key]
    assert any(key.startswith("coarse.") for key in heads)
    assert any(key.startswith("fine.") for key in heads)
    for key, value in network.state_dict().items():
        assert torch.equal(value, (before if key in heads else weights)[key]), key


@pytest.mark.parametrize(("dataset", "regions"), [(tiny_checkpoint.LABELS, False), (tiny_checkpoint.REGIONS, True)])
def test_the_weights_know_whether_heads_are_regions(made, dataset, regions):
    weights, _ = made(dataset=dataset)
    network = tiny_checkpoint.network(CSCNTrainer, dataset=dataset)
    network.load_state_dict(weights)
    assert network.fusion.is_regions is regions


def test_nnunet_loads_them_into_a_cascade_of_other_labels(made, tmp_path):
    weights, _ = made()
    other = {"labels": {"background": 0, "GTVp": 1, "GTVn": 2, "brainstem": 3}}
    network = tiny_checkpoint.network(CSCNTrainer, dataset=other)
    load_pretrained_weights(network, tmp_path / "new" / "start.pth")
    after = network.state_dict()
    assert all(torch.equal(after[key], weights[key]) for key in after if ".seg_layers." not in key)


def test_a_cascade_of_one_resolution_starts_from_the_plans_own_unet(tmp_path):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    given = tiny_checkpoint.write(source, BUNetTrainer, name=tiny_checkpoint.FULL)
    assert cscn_from_bunet(source, target) == len(given)
    coarse = half(torch.load(target, weights_only=False)["network_weights"], "coarse")
    assert all(torch.equal(coarse[key], given[key]) for key in given)


def test_a_configuration_may_be_younger_than_the_checkpoint(tmp_path, monkeypatch):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    given = tiny_checkpoint.write(source, BUNetTrainer, name=tiny_checkpoint.COARSE)
    folder = tmp_path / "preprocessed" / "Dataset901_Tiny"
    folder.mkdir(parents=True)
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    plans = tiny_checkpoint.manager().plans
    plans["configurations"]["3d_new"] = {"inherits_from": tiny_checkpoint.CONFIGURATION}
    write_json(folder / "nnUNetPlans.json", plans)
    assert cscn_from_bunet(source, target, name="3d_new") == len(given)


def test_a_unet_of_full_resolution_is_none_of_the_pooled_window(tmp_path):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(source, BUNetTrainer)
    with pytest.raises(UserError, match=r"coarse network of 3d_tiny.*2x2x2"):
        cscn_from_bunet(source, target)
    assert list(tmp_path.iterdir()) == [source]


def test_a_configuration_that_neither_checkpoint_nor_plans_know_is_refused(tmp_path, monkeypatch):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(source, BUNetTrainer, name=tiny_checkpoint.COARSE)
    folder = tmp_path / "preprocessed" / "Dataset901_Tiny"
    folder.mkdir(parents=True)
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    write_json(folder / "nnUNetPlans.json", tiny_checkpoint.manager().plans)
    with pytest.raises(UserError, match="3d_other"):
        cscn_from_bunet(source, target, name="3d_other")


@pytest.mark.parametrize("trainer", [CSCNTrainer, ACDNetTrainer])
def test_a_checkpoint_of_another_network_is_refused_by_its_name(tmp_path, trainer):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(source, trainer, name=tiny_checkpoint.FULL)
    with pytest.raises(UserError, match=trainer.__name__):
        cscn_from_bunet(source, target)
    assert list(tmp_path.iterdir()) == [source]


def without(*path):
    def change(checkpoint):
        *parents, last = path
        for key in parents:
            checkpoint = checkpoint[key]
        del checkpoint[last]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("trainer_name"),
        without("network_weights"),
        without("init_args"),
        without("init_args", "plans"),
        without("init_args", "configuration"),
        without("init_args", "dataset_json"),
        lambda checkpoint: checkpoint.update(network_weights=3),
    ],
)
def test_a_file_without_what_nnunets_checkpoints_have_is_refused(tmp_path, change):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(source, BUNetTrainer)
    checkpoint = torch.load(source, weights_only=False)
    change(checkpoint)
    torch.save(checkpoint, source)
    with pytest.raises(UserError, match=r"not an nnU-Net checkpoint"):
        cscn_from_bunet(source, target)
    assert list(tmp_path.iterdir()) == [source]


def test_weights_that_are_there_survive_a_refusal(tmp_path):
    source, target = tmp_path / "checkpoint_final.pth", tmp_path / "start.pth"
    tiny_checkpoint.write(source, ACDNetTrainer)
    target.write_bytes(b"what was there")
    with pytest.raises(UserError):
        cscn_from_bunet(source, target)
    assert target.read_bytes() == b"what was there"
