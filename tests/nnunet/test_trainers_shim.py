"""nnU-Net finds every released trainer name. Checkpoints contain these names, so they never change."""

import pytest

from nnunet_cscn.nnunet import discovery
from nnunet_cscn.training import baselines, cscn, lengths, paper

NETWORKS = {
    "CSCNTrainer": "cscn",
    "BUNetTrainer": "bunet",
    "ACDNetTrainer": "acdnet",
    "VNetTrainer": "vnet",
    "DeepLabTrainer": "deeplab",
    "CNNTrainer": "cnn",
}
EPOCHS = (5, 10, 20, 50, 100, 250)
NAMES = [*NETWORKS, *(f"{name}_{epochs}epochs" for name in NETWORKS for epochs in EPOCHS)]


@pytest.fixture(scope="module")
def find():
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    return recursive_find_trainer_class_by_name


@pytest.fixture(autouse=True)
def _shim(monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(discovery.trainers_folder()))


@pytest.mark.parametrize("name", NAMES)
def test_nnunet_finds_the_class_of_the_installed_package(find, name):
    found = find(name)
    base, _, length = name.partition("_")
    home = cscn if hasattr(cscn, base) else baselines
    assert found is getattr(lengths if length else home, name)
    assert found.__name__ == name
    assert found.network_name == NETWORKS[base]
    assert found.fixed_epochs == (int(length.removesuffix("epochs")) if length else None)
    assert issubclass(found, getattr(home, base))


@pytest.mark.parametrize("base", NETWORKS)
def test_each_has_a_trainer_of_the_papers_protocol(find, base):
    name = base.replace("Trainer", "PaperTrainer")
    found = find(name)
    assert found is getattr(paper, name)
    both_at_full_resolution = {"CSCNTrainer": "cscn_one_resolution"}  # as in the paper
    assert found.network_name == both_at_full_resolution.get(base, NETWORKS[base])
    assert issubclass(found, getattr(cscn if hasattr(cscn, base) else baselines, base))
