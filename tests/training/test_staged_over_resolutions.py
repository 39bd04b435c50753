"""A second stage with a finer grid and a larger window than its first stage."""

import json
from pathlib import Path

import blosc2
import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

import tiny_dataset
from nnunet_cscn.cascade.manifest import check_maps, stage_one_maps
from nnunet_cscn.cascade.postprocessor import make_maps, write_manifest
from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.staged import ResampledNetwork, StagedBlockCSCN
from nnunet_cscn.planning.configurations import Changes, derive_configuration
from nnunet_cscn.training.staged import CSCNStagedTrainer
from tiny_training import CONFIGURATION, new_trainer

FINE = "3d_finer"
SPACING_MM = (3.0, 0.8, 0.8)  # stage one: 3 x 1 x 1 mm


@pytest.fixture
def preprocessed(staged_folders):
    """The data set with a trained stage one and another configuration with a finer grid."""
    root = staged_folders("labels")
    folder = root / "preprocessed" / tiny_dataset.NAME
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    options = {"staged": {"configuration": CONFIGURATION}, "fine": {"block_size": [8, 8, 8]}}
    changes = Changes(options=options, spacing_mm=SPACING_MM, patch_size=(8, 24, 24))
    plans["configurations"][FINE] = derive_configuration(plans, CONFIGURATION, FINE, changes)
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    tiny_dataset.preprocess(root, FINE)
    return folder


def with_maps(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 1, FINE)
    stage_one = trainer.stage_one()
    make_maps(stage_one, device=torch.device("cpu"))
    write_manifest(stage_one)
    return trainer


def test_the_maps_lie_on_the_second_stages_grid(preprocessed):
    trainer = with_maps(preprocessed)
    stage_one = trainer.stage_one()
    fine = nnUNetDatasetBlosc2(str(preprocessed / "nnUNetPlans_3d_finer"))
    coarse_maps = stage_one_maps(type(stage_one)(stage_one.dataset, CONFIGURATION))
    assert stage_one_maps(stage_one).folder.parent.name == "nnUNetPlans_3d_finer"
    for case in stage_one.fold_of:
        stored = np.asarray(stage_one_maps(stage_one).load(case)[:], dtype=np.float32)
        assert stored.shape == (2, *fine.load_case(case)[0].shape[1:])
        assert stored.shape != coarse_maps.load(case).shape
        # the same place keeps about the same value: compare means over the image
        there = np.asarray(coarse_maps.load(case)[:], dtype=np.float32)
        np.testing.assert_allclose(stored.mean(axis=(1, 2, 3)), there.mean(axis=(1, 2, 3)), atol=0.05)


def test_it_trains_on_them_and_predicts_with_the_embedded_network(preprocessed):
    trainer = with_maps(preprocessed)
    trainer.run_training()
    network = trainer.network
    assert isinstance(network, StagedBlockCSCN)
    assert isinstance(network.coarse, ResampledNetwork)
    given = torch.load(trainer.stage_one().checkpoint_of(1), weights_only=False)["network_weights"]
    assert all(torch.equal(value, given[key]) for key, value in network.coarse.network.state_dict().items())
    assert np.isfinite(trainer.logger.get_checkpoint()["train_losses"]).all()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    model = str(Path(trainer.output_folder).parent)
    predictor.initialize_from_trained_model_folder(model, (1,), "checkpoint_final.pth")
    image = torch.randn((1, 12, 40, 40), generator=torch.Generator().manual_seed(0))
    assert predictor.predict_logits_from_preprocessed_data(image).shape == (3, 12, 40, 40)


def test_a_second_stage_whose_cases_were_preprocessed_anew_is_refused(preprocessed):
    stage_one = with_maps(preprocessed).stage_one()
    check_maps(stage_one)
    file = next((preprocessed / "nnUNetPlans_3d_finer").glob("case_0.b2nd"))
    image = np.asarray(blosc2.open(str(file))[:]) + 1
    file.unlink()
    blosc2.asarray(image, urlpath=str(file))
    with pytest.raises(UserError, match=r"case_0: .*preprocessed"):
        check_maps(stage_one)


def test_the_command_that_is_named_brings_the_maps_onto_that_grid(preprocessed):
    stage_one = new_trainer(CSCNStagedTrainer, preprocessed, 1, FINE).stage_one()
    assert stage_one.cascade_command() == f"cscn cascade {tiny_dataset.NAME} {CONFIGURATION} --onto {FINE}"
    with pytest.raises(UserError, match=rf"run `cscn cascade {tiny_dataset.NAME} {CONFIGURATION} --onto {FINE}`"):
        check_maps(stage_one)


class Recorder(torch.nn.Module):
    """A stub network: records its input and returns its first channel."""

    def forward(self, x):
        self.seen = x
        return x[:, :1]


def test_a_window_is_resampled_and_padded_to_what_the_network_takes():
    network = Recorder()
    other = ResampledNetwork(network, scale=(1.0, 0.5, 0.5), patch_size=(4, 4, 4), multiple=(2, 4, 4))
    window = torch.arange(2.0).reshape(1, 2, 1, 1, 1).expand(1, 2, 5, 12, 6)
    out = other(window)
    assert network.seen.shape == (1, 2, 6, 8, 4)  # (5, 6, 3), up to multiples of (2, 4, 4)
    assert network.seen[:, 1, :5, :6, :3].eq(1).all()
    assert network.seen[:, 1, 5:].eq(0).all()
    assert out.shape == (1, 1, 5, 12, 6)
    assert out.eq(0).all()


def test_a_smooth_window_comes_back_where_it_was():
    z, y, x = torch.meshgrid(*(torch.linspace(0, 1, edge) for edge in (8, 32, 24)), indexing="ij")
    window = (z + 2 * y - x)[None, None]
    out = ResampledNetwork(Recorder(), scale=(1.0, 0.75, 0.5), patch_size=(4, 4, 4), multiple=(4, 4, 4))(window)
    inside = (..., slice(1, -1), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(out[inside], window[inside], atol=2e-2, rtol=0)


def test_a_network_of_the_same_spacing_sees_the_window_as_it_is():
    network = Recorder()
    window = torch.randn((1, 1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    out = ResampledNetwork(network, scale=(1.0, 1.0, 1.0), patch_size=(4, 4, 4), multiple=(4, 4, 4))(window)
    assert torch.equal(network.seen, window)
    assert torch.equal(out, window)
