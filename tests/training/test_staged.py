"""The second stage of the staged cascade, in this process."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

import staged_dataset
import tiny_dataset
from nnunet_cscn.cascade.manifest import stage_one_maps
from nnunet_cscn.errors import UserError
from nnunet_cscn.planning.configurations import Changes, derive_configuration
from nnunet_cscn.training.staged import CSCNStagedTrainer
from tiny_training import CONFIGURATION, new_trainer, set_folders


@pytest.fixture
def preprocessed(staged_folders):
    return staged_folders("labels") / "preprocessed" / tiny_dataset.NAME


def coarse_weights(trainer):
    return {key: value.clone() for key, value in trainer.network.coarse.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def stage_one_weights(trainer):
    return torch.load(trainer.stage_one().checkpoint_of(int(trainer.fold)), weights_only=False)["network_weights"]


@pytest.mark.parametrize("kind", ["labels", "regions", "ignore"])
def test_it_trains_with_the_frozen_network_of_its_own_fold_inside(staged_folders, kind):
    trainer = new_trainer(CSCNStagedTrainer, staged_folders(kind) / "preprocessed" / tiny_dataset.NAME, 1)
    trainer.initialize()
    fine = {key: value.clone() for key, value in trainer.network.fine.state_dict().items()}
    trainer.run_training()
    assert equal(coarse_weights(trainer), stage_one_weights(trainer))
    assert not equal(fine, trainer.network.fine.state_dict())
    assert np.isfinite(trainer.logger.get_checkpoint()["train_losses"]).all()
    assert trainer.network.fusion.is_regions is (kind == "regions")


def test_it_trains_on_2d_plans_too(tmp_path, monkeypatch):
    root = staged_dataset.make(tmp_path, "labels", "2d_tiny")
    set_folders(monkeypatch, root)
    trainer = new_trainer(CSCNStagedTrainer, root / "preprocessed" / tiny_dataset.NAME, 0, "2d_tiny")
    trainer.run_training()
    assert equal(coarse_weights(trainer), stage_one_weights(trainer))
    assert np.isfinite(trainer.logger.get_checkpoint()["train_losses"]).all()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(
        str(Path(trainer.output_folder).parent), (0,), "checkpoint_final.pth"
    )
    assert predictor.predict_logits_from_preprocessed_data(torch.zeros(1, 3, 20, 18)).shape == (3, 3, 20, 18)


def test_pretrained_weights_start_the_fine_network_alone(preprocessed):
    """nnU-Net loads pretrained weights before the training starts; the stage-one network is still that of the fold."""
    first = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    first.run_training()
    second = new_trainer(CSCNStagedTrainer, preprocessed, 1, seed=5)
    second.initialize()
    load_pretrained_weights(second.network, str(Path(first.output_folder) / "checkpoint_final.pth"))
    started = second.network.fine.state_dict()
    shared = {key: value for key, value in first.network.fine.state_dict().items() if ".seg_layers." not in key}
    assert equal(shared, {key: started[key] for key in shared})
    second.run_training()
    assert equal(coarse_weights(second), stage_one_weights(second))
    assert not equal(stage_one_weights(second), stage_one_weights(first))


def test_the_frozen_network_is_not_in_the_optimiser(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.initialize()
    optimised = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert optimised == {id(p) for p in trainer.network.fine.parameters()}


def test_batches_hold_the_image_then_the_stored_maps(preprocessed):
    """Without augmentation (validation), each patch of a batch occurs in the stored map of its case."""
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.initialize()
    _, loader = trainer.get_dataloaders()
    batch = next(loader)
    assert batch["data"].shape[1] == 1 + 2
    maps = stage_one_maps(trainer.stage_one())
    for patch, case in zip(batch["data"].numpy(), batch["keys"], strict=True):
        stored = np.asarray(maps.load(case)[:]).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(stored, patch.shape[1:], axis=(1, 2, 3))
        assert (windows == patch[1:][:, None, None, None]).all(axis=(0, 4, 5, 6)).any()


def test_augmentation_reaches_the_maps_in_training_alone(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0, staged={"augmentation": {"jitter": 1}})
    inputs = trainer.extra_inputs()
    assert inputs is not None
    assert inputs.n_channels == 2
    assert [type(t.transform).__name__ for t in inputs.augmentation] == [
        "JitterCalibration",
        "BlurProbabilities",
        "DropBlob",
    ]


def test_validation_sees_the_image_alone(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.on_train_start()
    shutil.rmtree(stage_one_maps(trainer.stage_one()).folder)
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    cases = trainer.dataset_class(trainer.preprocessed_dataset_folder, trainer.do_split()[1])
    image = torch.from_numpy(np.array(cases.load_case(cases.identifiers[0])[0][:, :8, :16, :16]))[None]
    with torch.no_grad():
        assert trainer.network(image).shape == (1, 3, 8, 16, 16)


@pytest.mark.parametrize("use_gaussian", [False, True])
def test_nnunets_predictor_gives_the_mean_of_both_probabilities(preprocessed, use_gaussian):
    """One tile without mirroring. nnU-Net keeps logits in half precision, hence the tolerance of 1e-3."""
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0, coarse={"resolution": "full"})
    trainer.run_training()
    predictor = nnUNetPredictor(
        device=torch.device("cpu"), use_gaussian=use_gaussian, use_mirroring=False, allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(
        str(Path(trainer.output_folder).parent), (0,), "checkpoint_final.pth"
    )
    image = torch.randn((1, 8, 16, 16), generator=torch.Generator().manual_seed(0))
    predicted = predictor.predict_logits_from_preprocessed_data(image).float().softmax(dim=0)
    network = trainer.network.eval()
    network.deep_supervision = False
    with torch.no_grad():
        coarse = network.coarse(image[None]).softmax(dim=1)
        fine = network.fine(torch.cat([image[None], coarse], dim=1)).softmax(dim=1)
    middle = (slice(None), *(slice(edge // 4, -edge // 4) for edge in (8, 16, 16))) if use_gaussian else ...
    # towards its corners, nnU-Net's Gaussian weight of a tile has no digits left in half precision, for any network
    torch.testing.assert_close(predicted[middle], ((coarse + fine) / 2)[0][middle], atol=1e-3, rtol=0)


def test_a_checkpoint_is_loaded_where_stage_one_was_never_seen(preprocessed, tmp_path):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.run_training()
    shutil.rmtree(trainer.stage_one().folder)
    shutil.rmtree(stage_one_maps(trainer.stage_one()).folder)
    again = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    again.load_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    for name in ("coarse", "fine"):
        assert equal(*(getattr(t.network, name).state_dict() for t in (trainer, again)))
    again.run_training()  # the training is finished, so no map is needed


def test_a_training_goes_on_without_stage_one_but_not_without_maps(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.run_training()
    checkpoint_file = Path(trainer.output_folder) / "checkpoint_final.pth"
    checkpoint = torch.load(checkpoint_file, weights_only=False)
    checkpoint["current_epoch"] = 0  # as after a process killed in its last epoch
    torch.save(checkpoint, checkpoint_file)
    shutil.rmtree(trainer.stage_one().folder)
    again = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    again.load_checkpoint(str(checkpoint_file))
    before = coarse_weights(again)
    again.run_training()
    assert equal(before, coarse_weights(again))
    shutil.rmtree(stage_one_maps(trainer.stage_one()).folder)
    third = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    third.load_checkpoint(str(checkpoint_file))
    third.current_epoch = 0
    with pytest.raises(UserError, match="no stage-one maps"):
        third.run_training()


@pytest.mark.parametrize("record", [{"split": {"train": [], "val": []}}, {"stage_one": {0: "another"}}, {}])
def test_a_training_does_not_go_on_with_maps_of_another_stage_one(preprocessed, record):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    trainer.run_training()
    file = Path(trainer.output_folder) / "checkpoint_final.pth"
    checkpoint = torch.load(file, weights_only=False)
    assert sorted(checkpoint["init_args"]["cscn"]["stage_one"]) == [0, 1, 2, 3, 4]
    checkpoint["init_args"]["cscn"] = record
    checkpoint["current_epoch"] = 0
    torch.save(checkpoint, file)
    again = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    again.load_checkpoint(str(file))
    with pytest.raises(UserError, match="maps changed"):
        again.run_training()


def test_a_fold_that_is_not_there_is_refused(preprocessed):
    with pytest.raises(UserError, match=r"no fold 7.*0 to 4"):
        new_trainer(CSCNStagedTrainer, preprocessed, 7).run_training()


def test_it_refuses_to_start_without_maps_and_writes_nothing(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0)
    shutil.rmtree(stage_one_maps(trainer.stage_one()).folder)
    with pytest.raises(UserError, match=r"run `cscn cascade Dataset901_Tiny 3d_tiny`"):
        trainer.run_training()
    assert not list(Path(trainer.output_folder).glob("*.pth"))


def test_all_cases_at_once_are_refused(preprocessed):
    with pytest.raises(UserError, match="needs a fold number"):
        new_trainer(CSCNStagedTrainer, preprocessed, "all").run_training()


@pytest.mark.parametrize("name", ["nnUNetTrainer", "ACDNetTrainer", "BUNetTrainer_5epochs"])
def test_stage_one_may_be_any_trainer_of_a_single_network(preprocessed, name):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 0, staged={"stage_one": name})
    trainer.initialize()
    assert trainer.stage_one().trainer == name
    alone = recursive_find_trainer_class_by_name(name).build_network_architecture(
        trainer.plans_manager, trainer.configuration_manager, 1, 3, False
    )
    trainer.network.coarse.load_state_dict(alone.state_dict())


@pytest.fixture
def derive(preprocessed):
    """Return a function that adds a derived configuration to the plans of the preprocessed data set."""

    def derived(base, name, **options):
        file = preprocessed / "nnUNetPlans.json"
        plans = json.loads(file.read_text())
        plans["configurations"][name] = derive_configuration(plans, base, name, Changes(options=options))
        file.write_text(json.dumps(plans))
        return name

    return derived


def test_another_configuration_learns_from_the_maps_of_a_stage_one_that_is_there(preprocessed, derive):
    name = derive(
        CONFIGURATION, "3d_other", staged={"configuration": CONFIGURATION}, fine={"growth": 0.25}, fusion="fine"
    )
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 1, name)
    trainer.run_training()
    assert trainer.stage_one().configuration == CONFIGURATION
    assert equal(coarse_weights(trainer), stage_one_weights(trainer))
    assert trainer.network.fusion.mode == "fine"


def test_a_volumetric_stage_one_of_a_planar_stage_two_is_refused(preprocessed, derive):
    name = derive("2d_tiny", "2d_other", staged={"configuration": CONFIGURATION})
    with pytest.raises(UserError, match="3d_tiny and 2d_other"):
        new_trainer(CSCNStagedTrainer, preprocessed, 1, name).stage_one()


def test_a_stage_one_of_an_unknown_configuration_is_refused(preprocessed):
    trainer = new_trainer(CSCNStagedTrainer, preprocessed, 1, staged={"configuration": "3d_none"})
    with pytest.raises(UserError, match="3d_none"):
        trainer.initialize()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NoSuchTrainer", "nnU-Net cannot find a trainer NoSuchTrainer"),
        ("CSCNStagedTrainer", "is a trainer of stage two"),
    ],
)
def test_a_stage_one_that_cannot_be_is_refused(preprocessed, name, sentence):
    with pytest.raises(UserError, match=sentence):
        new_trainer(CSCNStagedTrainer, preprocessed, 0, staged={"stage_one": name}).initialize()
