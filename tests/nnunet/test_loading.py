import json
from types import SimpleNamespace

import pytest
import torch

import hostile_files
import tiny_checkpoint
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.loading import load_trained
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from nnunet_cscn.training.cscn import BUNetTrainer


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "BUNetTrainer__nnUNetPlans__3d_tiny"
    tiny_checkpoint.write(folder / "fold_0" / "checkpoint_final.pth", BUNetTrainer)
    (folder / "plans.json").write_text(json.dumps(tiny_checkpoint.manager().plans), encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(tiny_checkpoint.description()), encoding="utf-8")
    return Model(folder, (0,), "checkpoint_final.pth")


def load(model):
    return model.load(torch.device("cpu"), SlidingWindow(progress=False))


def test_a_whole_model_is_loaded(model):
    assert load(model).network is not None


def test_plans_that_do_not_fit_the_weights_are_told_with_the_model(model):
    plans = json.loads((model.folder / "plans.json").read_text(encoding="utf-8"))
    arguments = plans["configurations"]["3d_tiny"]["architecture"]["arch_kwargs"]
    arguments["features_per_stage"] = [2 * n for n in arguments["features_per_stage"]]
    (model.folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    with pytest.raises(UserError, match="cannot load BUNetTrainer__nnUNetPlans__3d_tiny"):
        load(model)


@pytest.mark.parametrize("labels", [None, {"background": 0, "a": "x"}])
def test_labels_that_nnunet_does_not_understand_are_told_with_the_model(model, labels):
    content = {**tiny_checkpoint.description(), "labels": labels}
    (model.folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="cannot load BUNetTrainer__nnUNetPlans__3d_tiny"):
        load(model)


def test_plans_without_a_reader_are_told_with_the_model(model):
    plans = json.loads((model.folder / "plans.json").read_text(encoding="utf-8"))
    del plans["image_reader_writer"]
    (model.folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    with pytest.raises(UserError, match="cannot load BUNetTrainer__nnUNetPlans__3d_tiny"):
        load(model)


def test_the_fold_that_is_checked_is_the_one_that_nnunet_loads(model, tmp_path):
    """nnU-Net takes the fold "00" for fold_0."""
    clean, trace = model.folder / "fold_0", tmp_path / "trace"
    clean.rename(model.folder / "fold_00")
    clean.mkdir()
    (clean / "checkpoint_final.pth").write_bytes(hostile_files.spoilt({}, trace))
    with pytest.raises(UserError, match="fold_0"):
        load(Model(model.folder, ("00",), "checkpoint_final.pth"))
    assert not trace.exists()


def test_a_fold_that_is_no_number_is_told(model):
    (model.folder / "fold_0").rename(model.folder / "fold_x")
    with pytest.raises(UserError, match="expected numbers or all, got x"):
        load(Model(model.folder, ("x",), "checkpoint_final.pth"))


class TalkativePredictor:
    plans_manager = SimpleNamespace(image_reader_writer_class=None)

    def __init__(self):
        self.loaded = None

    def initialize_from_trained_model_folder(self, folder, folds, checkpoint):
        print("Trainer 'CSCNTrainer' not found in nnunetv2.training.nnUNetTrainer.")
        self.loaded = (folder, folds, checkpoint)


def test_what_nnunet_prints_while_it_searches_for_a_trainer_is_not_shown(tmp_path, capsys):
    predictor = TalkativePredictor()
    load_trained(predictor, tmp_path, [0, 1], "checkpoint_final.pth", trust=True)
    assert predictor.loaded == (str(tmp_path), (0, 1), "checkpoint_final.pth")
    assert not capsys.readouterr().out
