"""The trainers without a training."""

import inspect
import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from nnunet_cscn.data.channels import ExtraChannelDataset
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.whole_exports import export_whole
from nnunet_cscn.nnunet.crossval import check_enough_cases
from nnunet_cscn.nnunet.trainer import trainer_module
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.training import catalogue, lengths
from nnunet_cscn.training.base import CSCNBaseTrainer
from nnunet_cscn.training.cscn import ACDNetTrainer, BUNetTrainer, CSCNTrainer


def test_the_signature_is_the_one_that_nnunet_reads_by_name():
    names = list(inspect.signature(CSCNBaseTrainer.__init__).parameters)
    assert names == ["self", "plans", "configuration", "fold", "dataset_json", "device"]


def test_lengths_come_from_the_block(make_trainer):
    cscn = {"epochs": 7, "iterations_per_epoch": 8, "validation_iterations_per_epoch": 9}
    trainer = make_trainer(BUNetTrainer, cscn={**cscn, "initial_learning_rate": 0.5})
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (7, 8, 9)
    assert trainer.initial_lr == 0.5


def test_without_options_lengths_are_nnunets(make_trainer):
    nothing = dict.fromkeys(["epochs", "iterations_per_epoch", "validation_iterations_per_epoch", "seed"])
    trainer = make_trainer(BUNetTrainer, cscn=nothing)
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (
        1000,
        250,
        50,
    )
    assert trainer.initial_lr == 1e-2


def test_a_length_in_the_trainers_name_holds(make_trainer):
    assert make_trainer(lengths.BUNetTrainer_50epochs, cscn={"epochs": None}).num_epochs == 50
    assert make_trainer(lengths.BUNetTrainer_50epochs, cscn={"epochs": 50}).num_epochs == 50


def test_a_length_in_the_name_and_another_in_the_block_are_refused(make_trainer):
    with pytest.raises(UserError, match=r"BUNetTrainer_5epochs.*epochs=7"):
        make_trainer(lengths.BUNetTrainer_5epochs, cscn={"epochs": 7})


def test_a_wrong_option_stops_the_trainer(make_trainer):
    with pytest.raises(UserError, match=r"cscn\.epoch: unknown option"):
        make_trainer(CSCNTrainer, cscn={"epoch": 7})


@pytest.mark.parametrize("trainer_class", [CSCNTrainer, BUNetTrainer, ACDNetTrainer])
def test_prediction_builds_the_network_that_training_saved(make_trainer, trainer_class):
    trainer = make_trainer(trainer_class)
    trainer.initialize()
    plans = PlansManager(trainer.plans_manager.plans)
    built = trainer_class.build_network_architecture(
        plans, plans.get_configuration("3d_tiny"), 1, 3, enable_deep_supervision=False
    )
    built.load_state_dict(trainer.network.state_dict())
    assert isinstance(built(torch.zeros(1, 1, 8, 16, 16)), torch.Tensor)


@pytest.mark.parametrize(("device", "expected"), [("cpu", [True]), ("cuda", [])])
def test_a_training_on_a_cpu_alone_keeps_freed_memory(make_trainer, monkeypatch, device, expected):
    calls = []
    monkeypatch.setattr("nnunet_cscn.training.base.keep_freed_memory", lambda: calls.append(True))
    monkeypatch.setattr(nnUNetTrainer, "initialize", lambda _trainer: None)
    trainer = make_trainer(BUNetTrainer)
    trainer.device = torch.device(device)
    trainer.initialize()
    assert calls == expected


@pytest.mark.parametrize(("kind", "regions"), [("labels", False), ("regions", True)])
def test_the_cascade_learns_whether_its_heads_are_regions(make_trainer, kind, regions):
    trainer = make_trainer(CSCNTrainer, kind=kind)
    trainer.initialize()
    assert trainer.network.fusion.is_regions is regions


@pytest.mark.parametrize("trainer_class", [CSCNTrainer, BUNetTrainer, ACDNetTrainer])
def test_deep_supervision_is_switched_through_nnunets_wrappers(make_trainer, trainer_class):
    trainer = make_trainer(trainer_class)
    trainer.initialize()
    trainer.network = torch.compile(trainer.network, backend="eager")
    trainer.set_deep_supervision_enabled(False)
    assert isinstance(unwrapped(trainer.network)(torch.zeros(1, 1, 8, 16, 16)), torch.Tensor)
    trainer.set_deep_supervision_enabled(True)
    assert isinstance(unwrapped(trainer.network)(torch.zeros(1, 1, 8, 16, 16)), list)


def test_a_plain_network_is_its_own_unwrapped_self():
    network = nn.Conv2d(1, 1, 1)
    assert unwrapped(network) is network
    assert unwrapped(torch.compile(network, backend="eager")) is network


def test_distance_maps_are_made_for_all_cases_once_and_outside_the_data_folder(make_trainer, preprocessed):
    trainer = make_trainer(BUNetTrainer, kind="ignore")
    trainer.initialize()
    training, validation = trainer.get_tr_and_val_datasets()
    assert isinstance(training, ExtraChannelDataset)
    assert isinstance(validation, ExtraChannelDataset)
    folder = preprocessed("ignore") / "cscn" / "nnUNetPlans_3d_fullres" / "distance_labels_background_normalised"
    assert sorted(file.stem for file in folder.iterdir()) == [f"case_{i}" for i in range(6)]
    assert not list((preprocessed("ignore") / "nnUNetPlans_3d_fullres").glob("*distance*"))
    written = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    trainer.get_tr_and_val_datasets()
    assert written == {file: file.stat().st_mtime_ns for file in folder.iterdir()}


def test_data_sets_reach_worker_processes(make_trainer):
    trainer = make_trainer(BUNetTrainer)
    trainer.initialize()
    training, _ = trainer.get_tr_and_val_datasets()
    case = training.identifiers[0]
    assert np.array_equal(pickle.loads(pickle.dumps(training))[case][0][:], training[case][0][:])


@pytest.mark.parametrize(("kind", "n_channels"), [("labels", 1), ("ignore", 1), ("regions", 2)])
def test_maps_fit_the_kind_of_labels(make_trainer, kind, n_channels):
    trainer = make_trainer(BUNetTrainer, kind=kind)
    maps = trainer.distance_maps()
    assert maps.n_channels == n_channels
    assert maps.ignore_label == {"labels": None, "ignore": 2, "regions": 3}[kind]
    assert maps.target_spacing_mm == (3.0, 1.0, 1.0)


def test_trainings_with_another_edge_have_maps_of_their_own(make_trainer):
    folders = {
        make_trainer(BUNetTrainer, cscn={"loss": {"edge": e}}).distance_maps().folder for e in ("background", "surface")
    }
    assert len(folders) == 2


def test_without_distance_weighting_nothing_is_carried(make_trainer):
    trainer = make_trainer(BUNetTrainer, cscn={"loss": {"distance_weighting": False}})
    trainer.initialize()
    training, _ = trainer.get_tr_and_val_datasets()
    assert not isinstance(training, ExtraChannelDataset)
    batch = next(trainer.get_dataloaders()[0])
    assert len(batch["target"]) == len(trainer._get_deep_supervision_scales())


def test_equal_seeds_give_equal_weights_and_batches_to_different_networks(make_trainer):
    batches = []
    for trainer_class in (BUNetTrainer, ACDNetTrainer):
        trainer = make_trainer(trainer_class, cscn={"seed": 5})
        trainer.initialize()
        batches.append(next(trainer.get_dataloaders()[0]))
    assert torch.equal(batches[0]["data"], batches[1]["data"])
    assert list(batches[0]["keys"]) == list(batches[1]["keys"])


def test_the_largest_seed_is_a_seed(make_trainer):
    make_trainer(BUNetTrainer, cscn={"seed": 2**32 - 1}).initialize()
    assert np.random.get_state()[1][0] == 2**32 - 1


def test_a_gpu_that_is_too_small_gets_a_remedy(make_trainer, monkeypatch):
    def too_large(*_arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(nnUNetTrainer, "train_step", too_large)
    fake = SimpleNamespace(name="Small GPU", total_memory=11 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: fake)
    trainer = make_trainer(CSCNTrainer)
    trainer.initialize()
    with pytest.raises(UserError) as refused:
        trainer.train_step({})
    assert str(refused.value) == (
        "Small GPU has 11 GiB, not enough for CSCNTrainer with configuration 3d_tiny (patch [8, 16, 16], batch 2): "
        "make plans that fit with `cscn plan -d Dataset901_Tiny --gpu-memory 8 -p nnUNetCSCNPlans` and train with "
        "`-p nnUNetCSCNPlans` (add your own configurations to these plans again)"
    )


@pytest.mark.parametrize("name", ["CSCNTrainer", "BUNetTrainer_5epochs", "ACDNetTrainer_250epochs"])
def test_trainers_pickle_by_their_module(name):
    trainer_class = lengths.BY_NAME.get(name) or catalogue.trainer_class(name)
    assert pickle.loads(pickle.dumps(trainer_class)) is trainer_class
    assert trainer_class.__module__ == ("nnunet_cscn.training.lengths" if "_" in name else "nnunet_cscn.training.cscn")


def test_on_the_cpu_the_number_of_threads_is_the_environments(make_trainer, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(2)  # what nnU-Net's command does, with all cores
    make_trainer(BUNetTrainer).initialize()
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("value", ["", "many", "0"])
def test_a_number_of_threads_that_is_none_changes_nothing(make_trainer, monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    before = torch.get_num_threads()
    make_trainer(BUNetTrainer).initialize()
    assert torch.get_num_threads() == before


def test_fewer_cases_than_folds_are_told_in_a_sentence(make_trainer, monkeypatch, tmp_path):
    trainer = make_trainer(BUNetTrainer)
    (tmp_path / "Dataset901_Tiny").mkdir()
    trainer.preprocessed_dataset_folder_base = str(tmp_path / "Dataset901_Tiny")  # no folds yet
    monkeypatch.setattr(
        "nnunet_cscn.training.base.check_enough_cases", lambda name, cases: check_enough_cases(name, cases[:4])
    )
    with pytest.raises(UserError, match="Dataset901_Tiny has 4 preprocessed cases"):
        trainer.do_split()


def with_folds(trainer, folder, splits):
    """Give a trainer folds of its own."""
    folder.mkdir()
    (folder / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    trainer.preprocessed_dataset_folder_base = str(folder)
    return trainer


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ([{"train": ["case_0", "nope"], "val": ["case_1"]}], "fold 0 lists cases that are not preprocessed: nope; "),
        ([{"train": ["case_0", "case_1"], "val": ["case_1"]}], "fold 0 has these cases in its .* sets: case_1; "),
        ([{"train": ["case_0"], "val": []}], "fold 0 has no validation cases: "),
    ],
)
def test_folds_that_leak_or_lack_cases_are_refused_before_anything_is_read(make_trainer, tmp_path, splits, sentence):
    trainer = with_folds(make_trainer(CSCNTrainer), tmp_path / "Dataset901_Tiny", splits)
    with pytest.raises(UserError, match=rf"splits_final\.json: {sentence}"):
        trainer.get_tr_and_val_datasets()
    trainer.fold = "all"  # reads no folds
    assert len(trainer.do_split()[0]) == 6


def test_a_fold_beyond_those_of_the_file_is_nnunets_random_one(make_trainer, tmp_path):
    trainer = with_folds(
        make_trainer(CSCNTrainer), tmp_path / "Dataset901_Tiny", [{"train": ["case_0"], "val": ["case_1"]}]
    )
    trainer.fold = 3
    training, validation = trainer.do_split()
    assert (len(training), len(validation)) == (4, 2)  # 80 % of six cases, rounded down


@pytest.mark.parametrize("trainer_class", [CSCNTrainer, BUNetTrainer])
def test_labels_that_the_dataset_json_does_not_name_are_refused_with_the_case(make_trainer, trainer_class):
    trainer = make_trainer(trainer_class, cscn={"loss": {"distance_weighting": False}})
    trainer.dataset_json = {**trainer.dataset_json, "labels": {"background": 0, "GTVp": 1}}
    trainer.label_manager = trainer.plans_manager.get_label_manager(trainer.dataset_json)
    with pytest.raises(UserError, match=r"case_\d has 2.*dataset\.json"):
        trainer.get_tr_and_val_datasets()


def test_validations_are_written_whole(make_trainer, monkeypatch):
    used = []
    monkeypatch.setattr(
        nnUNetTrainer,
        "perform_actual_validation",
        lambda *_: used.append(trainer_module.export_prediction_from_logits),
    )
    make_trainer(CSCNTrainer).perform_actual_validation()
    assert used == [export_whole]
    assert trainer_module.export_prediction_from_logits is not export_whole
