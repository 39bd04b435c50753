"""Complete trainings with few steps, in this process."""

import json
from pathlib import Path

import blosc2
import numpy as np
import pytest
import torch

from nnunet_cscn.training.baselines import CNNTrainer, DeepLabTrainer, VNetTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer

TRAINERS = [CSCNTrainer, BUNetTrainer, ACDNetTrainer, VNetTrainer, DeepLabTrainer, CNNTrainer]


def losses(trainer):
    log = trainer.logger.get_checkpoint()
    return [*log["train_losses"], *log["val_losses"]]


def weights(trainer):
    return {key: value.clone() for key, value in trainer.network.state_dict().items()}


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_every_trainer_trains_and_leaves_what_nnunet_needs(make_trainer, trainer_class):
    trainer = make_trainer(trainer_class)
    trainer.initialize()
    before = weights(trainer)
    trainer.run_training()
    after = weights(trainer)
    moved = [key for key in before if before[key].numel() > 8 and not torch.equal(before[key], after[key])]
    assert len(moved) > 0.9 * sum(value.numel() > 8 for value in before.values())
    assert np.isfinite(losses(trainer)).all()
    results = Path(trainer.output_folder)
    assert json.loads((results / "debug.json").read_text())["configuration_name"] == "3d_tiny"
    checkpoint = torch.load(results / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["trainer_name"] == trainer_class.__name__


@pytest.mark.parametrize("trainer_class", [CSCNTrainer, BUNetTrainer])
def test_planar_configurations_train(make_trainer, trainer_class):
    trainer = make_trainer(trainer_class, configuration="2d_tiny")
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()


@pytest.mark.parametrize("kind", ["ignore", "regions", "no tumour"])
def test_other_kinds_of_labels_train(make_trainer, kind):
    trainer = make_trainer(CSCNTrainer, kind=kind)
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()
    assert trainer.network.fusion.is_regions is (kind == "regions")


@pytest.mark.parametrize(
    ("trainer_class", "n_stages"),
    [(CSCNTrainer, 2), (ACDNetTrainer, 1), (ACDNetTrainer, 2), (DeepLabTrainer, 1), (DeepLabTrainer, 2)],
)
def test_plans_with_hardly_any_stages_train(make_trainer, trainer_class, n_stages):
    architecture = {
        "n_stages": n_stages,
        "features_per_stage": [4, 8][:n_stages],
        "kernel_sizes": [[3, 3, 3]] * n_stages,
        "strides": [[1, 1, 1], [2, 2, 2]][:n_stages],
        "n_conv_per_stage": [1] * n_stages,
        "n_conv_per_stage_decoder": [1] * (n_stages - 1),
    }
    trainer = make_trainer(trainer_class, plan={"architecture": {"arch_kwargs": architecture}})
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()


@pytest.mark.parametrize(
    "loss",
    [
        {"distance_weighting": False},
        {"focal_weight": 0},
        {"dice_weight": 0, "weighted_mean": False},
        {"edge": "surface", "distance_cap_mm": 3, "gamma": 0.5},
    ],
)
def test_every_mix_of_losses_trains(make_trainer, loss):
    trainer = make_trainer(BUNetTrainer, cscn={"loss": loss})
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()


def test_equal_seeds_give_equal_losses_to_the_last_bit(make_trainer):
    runs = []
    for run, seed in (("first", 3), ("second", 3), ("third", 4)):
        trainer = make_trainer(CSCNTrainer, cscn={"seed": seed, "epochs": 2}, run=run)
        trainer.run_training()
        runs.append(losses(trainer))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_stopped_training_goes_on_where_it_was(make_trainer):
    first = make_trainer(CSCNTrainer, run="first")
    first.run_training()
    resumed = make_trainer(CSCNTrainer, cscn={"epochs": 2}, run="second")
    resumed.load_checkpoint(f"{first.output_folder}/checkpoint_final.pth")
    assert resumed.current_epoch == 1
    assert all(torch.equal(value, weights(first)[key]) for key, value in weights(resumed).items())
    resumed.run_training()
    assert resumed.current_epoch == 2
    log = resumed.logger.get_checkpoint()["train_losses"]
    assert log[:1] == first.logger.get_checkpoint()["train_losses"]
    assert len(log) == 2


def test_a_cascade_of_one_resolution_trains(make_trainer):
    trainer = make_trainer(CSCNTrainer, cscn={"coarse": {"resolution": "full"}})
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()


def test_blocks_of_three_views_train_in_nnunets_own_cascade(make_trainer, preprocessed, tmp_path):
    plan = {"previous_stage": "3d_lowres"}
    trainer = make_trainer(CSCNTrainer, plan=plan, cscn={"three_views": True, "iterations_per_epoch": 3})
    previous = Path(trainer.folder_with_segs_from_previous_stage)
    previous.mkdir(parents=True)
    for file in (preprocessed("labels") / "nnUNetPlans_3d_fullres").glob("*_seg.b2nd"):
        labels = blosc2.open(urlpath=str(file), mode="r")[0]
        blosc2.asarray(labels.copy(), urlpath=str(previous / file.name.replace("_seg", "")))
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()


def test_the_loader_hands_out_scales_and_then_the_distance_in_mm(make_trainer):
    trainer = make_trainer(CSCNTrainer, cscn={"loss": {"normalised": False}})
    trainer.initialize()
    batch = next(trainer.get_dataloaders()[1])
    *scales, distance = batch["target"]
    assert batch["data"].shape == (2, 1, 8, 16, 16)
    assert [tuple(scale.shape) for scale in scales[:2]] == [(2, 1, 8, 16, 16), (2, 1, 8, 8, 8)]
    assert len(scales) == len(trainer._get_deep_supervision_scales())
    assert distance.shape == (2, 1, 8, 16, 16)
    inside = scales[0] > 0
    assert distance[inside].min() >= 1.0
    assert distance[~inside].max() == 0.0


def test_validation_predicts_whole_cases_from_the_plain_data_set(make_trainer, preprocessed, threads_for_processes):
    trainer = make_trainer(CSCNTrainer)
    trainer.run_training()
    trainer.perform_actual_validation()
    summary = json.loads((Path(trainer.output_folder) / "validation" / "summary.json").read_text())
    splits = json.loads((preprocessed("labels") / "splits_final.json").read_text())
    assert len(summary["metric_per_case"]) == len(splits[0]["val"])
    assert trainer.network.deep_supervision is True


@pytest.mark.slow
def test_worker_processes_load_distances_too(make_trainer, monkeypatch):
    trainer = make_trainer(CSCNTrainer)
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer.run_training()
    assert np.isfinite(losses(trainer)).all()
