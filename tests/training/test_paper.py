"""The paper's trainers on the tiny data set, in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cscn.errors import UserError
from nnunet_cscn.protocol.curves import read_curve
from nnunet_cscn.protocol.splits import FILE, PaperSplit, write_paper_splits
from nnunet_cscn.training import paper
from nnunet_cscn.training.cscn import BUNetTrainer, CSCNTrainer

TRAINERS = [getattr(paper, f"{name}PaperTrainer") for name in ("CSCN", "BUNet", "ACDNet", "CNN", "DeepLab", "VNet")]
SPLIT = PaperSplit(train=("case_0", "case_1", "case_2"), validation=("case_3",), test=("case_4", "case_5"))
TILE = [12, 32, 32]
BLOCK = {
    "loss": {"dice_weight": 0.0, "weighted_mean": False, "normalised": False},
    "three_views": True,
    "initial_learning_rate": 1e-3,
    "epochs": 2,
    "iterations_per_epoch": 3,
    "protocol": {"decay_iterations": 2},
    "block_size": [8, 16, 16],
    "tile_size": TILE,
}


@pytest.fixture
def make_paper(make_trainer, preprocessed, monkeypatch, threads_for_processes):
    """Return a function that makes a trainer of the paper, with one split of three, one and two cases."""

    def make(trainer_class, **arguments):
        folder = preprocessed(arguments.get("kind", "labels"))
        if not (folder / FILE).is_file():
            write_paper_splits(folder / FILE, [SPLIT], {f"case_{i}": f"patient_{i}" for i in range(6)})
        return make_trainer(trainer_class, cscn=BLOCK, **arguments)

    return make


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_every_method_trains_and_predicts_its_test_cases(make_paper, trainer_class):
    trainer = make_paper(trainer_class)
    trainer.run_training()
    trainer.perform_actual_validation()
    folder = Path(trainer.output_folder)
    assert sorted(file.name for file in (folder / "validation").glob("*.nii.gz")) == ["case_3.nii.gz"]
    assert sorted(file.name for file in (folder / "test").iterdir()) == ["case_4.nii.gz", "case_5.nii.gz"]
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "test" / "case_4.nii.gz")))
    assert labels.shape == (12, 32, 32)


def test_curves_hold_every_iteration(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.run_training()
    curve = np.array(read_curve(Path(trainer.output_folder) / "training_curve.csv"))
    assert curve[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(curve[:, 3], [1e-3, 1e-3, 9e-4, 9e-4, 8.1e-4, 8.1e-4], rtol=1e-5)
    assert ((curve[:, 1] >= 0) & (curve[:, 1] <= 1)).all()
    logged = trainer.logger.get_checkpoint()["train_losses"]
    np.testing.assert_allclose(curve[:, 2].reshape(2, 3).mean(axis=1), logged, rtol=1e-4)
    validation = read_curve(Path(trainer.output_folder) / "validation_curve.csv")
    assert [row[0] for row in validation] == [2, 5]
    np.testing.assert_allclose([row[3] for row in validation], curve[[2, 5], 3])
    np.testing.assert_allclose([row[2] for row in validation], trainer.logger.get_checkpoint()["val_losses"], rtol=1e-4)


def test_the_optimiser_is_adam_without_decay_of_weights(make_paper):
    trainer = make_paper(paper.CSCNPaperTrainer)
    trainer.initialize()
    assert type(trainer.optimizer) is torch.optim.Adam
    assert trainer.optimizer.param_groups[0]["lr"] == 1e-3
    assert trainer.optimizer.param_groups[0]["weight_decay"] == 0


def test_the_papers_splits_are_read_and_nnunets_are_left_alone(make_paper, preprocessed):
    trainer = make_paper(paper.BUNetPaperTrainer)
    folds = preprocessed("labels") / "splits_final.json"
    before = folds.read_bytes() if folds.is_file() else None
    trainer.run_training()
    assert trainer.do_split() == (list(SPLIT.train), list(SPLIT.validation))
    assert (folds.read_bytes() if folds.is_file() else None) == before
    checkpoint = torch.load(Path(trainer.output_folder) / "checkpoint_final.pth", weights_only=False)
    assert "case_4" not in json.dumps(checkpoint["init_args"].get("cscn", {}))


def test_a_split_that_is_not_there_is_refused(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.fold = 1
    with pytest.raises(UserError, match="no fold 1"):
        trainer.do_split()


def test_cases_that_are_not_preprocessed_are_refused_by_name(make_paper, monkeypatch):
    trainer = make_paper(paper.BUNetPaperTrainer)
    monkeypatch.setattr(trainer, "preprocessed_cases", lambda: ["case_0", "case_1", "case_2", "case_3", "case_5"])
    with pytest.raises(UserError, match=r"splits\.json: split 0 lists cases that are not preprocessed: case_4; "):
        trainer.do_split()


def test_all_cases_can_be_trained_on(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.fold = "all"
    trainer.run_training()
    assert len(trainer.do_split()[0]) == 6
    trainer.perform_actual_validation()
    assert not trainer.test_folder.exists()


def test_weights_of_another_epoch_leave_the_predictions_alone(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.run_training()
    trainer.perform_actual_validation()
    before = {file.name: file.stat().st_mtime_ns for file in trainer.test_folder.iterdir()}
    best = make_paper(paper.BUNetPaperTrainer)
    best.load_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    best.current_epoch = 1  # as --val_best leaves it, where the best epoch is not the last one
    best.perform_actual_validation()
    assert {file.name: file.stat().st_mtime_ns for file in trainer.test_folder.iterdir()} == before
    again = make_paper(paper.BUNetPaperTrainer)
    again.load_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    again.perform_actual_validation()  # --val
    assert {file.name: file.stat().st_mtime_ns for file in trainer.test_folder.iterdir()} != before


def test_a_training_never_goes_on_with_other_splits(make_paper, preprocessed):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.run_training()
    again = make_paper(paper.BUNetPaperTrainer)
    again.load_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    note = Path(trainer.output_folder) / "split.json"
    note.write_text(note.read_text().replace("case_4", "case_9"))
    for action in (again.run_training, again.perform_actual_validation):
        with pytest.raises(UserError, match="changed after"):
            action()


@pytest.mark.parametrize("tile_size", [[13, 32, 32], [32, 32]])
def test_tiles_that_the_network_can_not_take_are_refused_at_once(make_trainer, tile_size):
    with pytest.raises(UserError, match="tile_size of 3d_tiny"):
        make_trainer(BUNetTrainer, cscn={"tile_size": tile_size})


def test_images_without_directions_are_refused_before_the_loaders_start(make_paper, monkeypatch):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.initialize()
    real = trainer.dataset_class.load_case

    def load_case(self, case):
        *volumes, properties = real(self, case)
        return *volumes, {**properties, "sitk_stuff": {}}

    monkeypatch.setattr(trainer.dataset_class, "load_case", load_case)
    with pytest.raises(UserError, match="patient orientation"):
        trainer.view_sampler()


def test_normalised_weights_are_not_the_papers_loss(make_trainer):
    with pytest.raises(UserError, match="normalised distance weights"):
        make_trainer(paper.BUNetPaperTrainer, cscn={**BLOCK, "loss": {"dice_weight": 0.0, "weighted_mean": False}})


def test_a_gpu_that_is_too_small_gets_advice_that_fits_the_protocol(make_paper):
    trainer = make_paper(paper.CSCNPaperTrainer)
    trainer.initialize()
    advice = trainer._memory_advice()
    assert "`cscn paper prepare Dataset901_Tiny -c NAME --batch-size 2" in advice


def test_a_configuration_of_another_kind_is_refused(make_trainer):
    with pytest.raises(UserError, match="cscn paper prepare"):
        make_trainer(paper.CSCNPaperTrainer)


def test_stock_prediction_uses_the_tiles_and_gives_what_the_test_gave(make_paper, preprocessed, tmp_path):
    trainer = make_paper(paper.CSCNPaperTrainer)
    trainer.run_training()
    trainer.perform_actual_validation()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(trainer.output_folder_base, (0,), "checkpoint_final.pth")
    assert list(predictor.configuration_manager.patch_size) == TILE
    assert predictor.configuration_manager.configuration["cscn"]["block_size"] == [8, 16, 16]
    assert predictor.allowed_mirroring_axes is None
    image = preprocessed("labels").parents[1] / "raw" / "Dataset901_Tiny" / "imagesTr" / "case_4_0000.nii.gz"
    predictor.predict_from_files_sequential([[str(image)]], [str(tmp_path / "case_4")])
    predicted, tested = (
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))
        for file in (tmp_path / "case_4.nii.gz", Path(trainer.output_folder) / "test" / "case_4.nii.gz")
    )
    np.testing.assert_array_equal(predicted, tested)


def test_the_plans_of_the_training_keep_the_block(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    trainer.run_training()
    assert trainer.configuration_manager.patch_size == [8, 16, 16]
    checkpoint = torch.load(Path(trainer.output_folder) / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["init_args"]["plans"]["configurations"]["3d_tiny"]["patch_size"] == [8, 16, 16]


def test_a_training_goes_on_where_it_stopped(make_paper):
    first = make_paper(paper.BUNetPaperTrainer)
    first.num_epochs = 1
    first.run_training()
    again = make_paper(paper.BUNetPaperTrainer)
    again.load_checkpoint(str(Path(first.output_folder) / "checkpoint_final.pth"))
    again.run_training()
    rows = read_curve(Path(again.output_folder) / "training_curve.csv")
    assert [row[0] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert rows[3][3] == pytest.approx(9e-4)


def test_a_new_training_forgets_the_predictions_of_an_earlier_one(make_paper):
    trainer = make_paper(paper.BUNetPaperTrainer)
    old = Path(trainer.output_folder) / "test" / "case_4.nii.gz"
    old.parent.mkdir(parents=True)
    old.touch()
    trainer.run_training()
    assert not old.exists()


@pytest.mark.parametrize("kind", ["regions", "ignore", "no tumour"])
def test_other_kinds_of_labels_train(make_paper, kind):
    trainer = make_paper(paper.CSCNPaperTrainer, kind=kind)
    trainer.run_training()
    assert np.isfinite([row[2] for row in read_curve(Path(trainer.output_folder) / "training_curve.csv")]).all()


@pytest.mark.parametrize("trainer_class", [CSCNTrainer, BUNetTrainer])
def test_three_views_are_an_option_of_the_default_trainers(make_trainer, trainer_class, capsys):
    trainer = make_trainer(trainer_class, cscn={"three_views": True})
    trainer.run_training()
    assert np.isfinite(trainer.logger.get_checkpoint()["train_losses"]).all()
    assert "far from the same along all axes" in capsys.readouterr().out  # 3 x 1 x 1 mm


def test_planar_configurations_have_no_views(make_trainer):
    trainer = make_trainer(BUNetTrainer, configuration="2d_tiny", cscn={"three_views": True})
    with pytest.raises(UserError, match="three_views: 2d_tiny"):
        trainer.run_training()


def test_tiles_are_an_option_of_the_default_trainers(make_trainer, threads_for_processes):
    trainer = make_trainer(BUNetTrainer, cscn={"tile_size": TILE})
    trainer.run_training()
    plans = json.loads((Path(trainer.output_folder_base) / "plans.json").read_text())
    assert plans["configurations"]["3d_tiny"]["patch_size"] == TILE
    assert plans["configurations"]["3d_tiny"]["cscn"]["block_size"] == [8, 16, 16]
