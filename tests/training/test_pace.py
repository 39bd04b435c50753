import pytest

import tiny_dataset
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.training.pace import measure_pace
from tiny_training import new_trainer, set_folders


def test_a_few_steps_of_the_real_training_are_measured(trained_models, tmp_path, monkeypatch):
    root = trained_models("labels")
    set_folders(monkeypatch, root)
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    trainer = new_trainer(CSCNTrainer, root / "preprocessed" / tiny_dataset.NAME, 0, epochs=7)
    pace = measure_pace(trainer, 1)
    assert (pace.n_steps, pace.n_epochs, pace.steps_per_epoch, pace.validation_steps_per_epoch) == (1, 7, 2, 1)
    assert (pace.n_mirrored, pace.n_validation) == (8, 2)  # three axes; six cases in five folds
    assert min(pace.train_step_s, pace.validation_step_s, pace.forward_s) > 0
    assert not list(tmp_path.rglob("checkpoint*"))


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
