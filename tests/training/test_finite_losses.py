import shutil
from pathlib import Path

import blosc2
import numpy as np
import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cscn.errors import UserError
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer


def spoil(folder: Path, case: str) -> None:
    """Make the middle of a preprocessed image NaN."""
    file = folder / f"{case}.b2nd"
    image = np.asarray(blosc2.open(str(file))[:])
    image[:, 4:8, 8:24, 8:24] = np.nan
    file.unlink()
    blosc2.asarray(image, urlpath=str(file))


@pytest.mark.parametrize("trainer", [CSCNTrainer, BUNetTrainer])
def test_a_case_that_makes_the_weights_nan_is_named_and_no_checkpoint_keeps_them(make_trainer, tmp_path, trainer):
    training = make_trainer(trainer, cscn={"epochs": 3, "iterations_per_epoch": 4, "checkpoint_minutes": 1e-6})
    data = tmp_path / "data"
    shutil.copytree(training.preprocessed_dataset_folder, data)
    training.preprocessed_dataset_folder = str(data)
    spoil(data, training.do_split()[0][0])
    for case in training.do_split()[0][1:]:
        spoil(data, case)
    with pytest.raises(UserError, match="in epoch 0 the loss was nan with NaN or infinity in the image of case_"):
        training.run_training()
    assert list(Path(training.output_folder).glob("checkpoint_*.pth")) == []
    assert "The loss of a step is nan" in Path(training.log_file).read_text()


def test_one_step_without_a_loss_is_noted_and_the_training_goes_on(make_trainer, monkeypatch):
    """As in mixed precision, where a step is left out if its gradients overflow."""
    training = make_trainer(CSCNTrainer, cscn={"epochs": 1, "iterations_per_epoch": 3})
    training.initialize()
    losses = iter([np.float32(0.5), np.float32("inf"), np.float32(0.4)])
    monkeypatch.setattr(
        "nnunetv2.training.nnUNetTrainer.nnUNetTrainer.nnUNetTrainer.train_step", lambda *_: {"loss": next(losses)}
    )
    training.run_training()
    log = Path(training.log_file).read_text()
    assert log.count("The loss of a step is inf with the cases case_") == 1
    assert Path(training.output_folder, "checkpoint_final.pth").is_file()


def test_statistics_of_batch_normalisation_that_are_nan_end_the_training(make_trainer, monkeypatch):
    """A step that mixed precision leaves out keeps the weights, but its images are in the running means."""
    options = {"epochs": 1, "iterations_per_epoch": 1, "fine": {"norm": "batch"}}
    training = make_trainer(CSCNTrainer, cscn=options)
    training.initialize()
    means = next(buffer for name, buffer in training.network.named_buffers() if name.endswith("running_mean"))

    def step(*_):
        means.fill_(float("nan"))
        return {"loss": np.float32("nan")}

    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.nnUNetTrainer.train_step", step)
    with pytest.raises(UserError, match="no longer finite"):
        training.run_training()


def test_weights_that_are_nan_after_a_finite_loss_reach_no_checkpoint(make_trainer, monkeypatch):
    training = make_trainer(CSCNTrainer, cscn={"epochs": 1, "iterations_per_epoch": 1})
    training.initialize()
    weight = next(training.network.parameters())

    def step(*_):
        weight.data.fill_(float("nan"))
        return {"loss": np.float32(0.5)}

    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.nnUNetTrainer.train_step", step)
    with pytest.raises(UserError, match="in epoch 0 the loss was finite, but a gradient was not"):
        training.run_training()
    assert list(Path(training.output_folder).glob("checkpoint_*.pth")) == []


def test_a_validation_loss_that_is_nan_is_noted(make_trainer, monkeypatch):
    training = make_trainer(CSCNTrainer, cscn={"epochs": 1, "iterations_per_epoch": 1})
    training.initialize()
    usual = nnUNetTrainer.validation_step
    monkeypatch.setattr(nnUNetTrainer, "validation_step", lambda *a: {**usual(*a), "loss": np.float32("nan")})
    training.run_training()
    assert "The loss of a validation step is nan with the cases case_" in Path(training.log_file).read_text()
