import json

import pytest
import torch

import tiny_checkpoint
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.protocol.epochs import FILE, EpochFile
from nnunet_cscn.training.cscn import BUNetTrainer
from nnunet_cscn.workflows.curves import draw_curves


def write_run(folder, n_epochs=3, **more):
    file = EpochFile(folder / FILE, first_epoch=0)
    for epoch in range(n_epochs):
        file.append({"epoch": epoch, "learning_rate": 0.01, "training_loss": 1.0, "dsc_moving_average": 0.5, **more})


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_all_folds_of_a_model_are_drawn(tmp_path, ending):
    for fold in (0, 1):
        write_run(tmp_path / "model" / f"fold_{fold}", training_loss_coarse=0.5, training_loss_fine=0.7)
    drawn = draw_curves([tmp_path / "model"], tmp_path / f"curves{ending}")
    assert {name: len(rows) for name, rows in drawn.runs.items()} == {"fold_0": 3, "fold_1": 3}
    assert (tmp_path / f"curves{ending}").stat().st_size > 1000


def test_runs_are_called_by_what_tells_them_apart(tmp_path):
    for model in ("A__plans__3d", "B__plans__3d"):
        write_run(tmp_path / model / "fold_0")
    names = draw_curves([tmp_path / m / "fold_0" for m in ("A__plans__3d", "B__plans__3d")], tmp_path / "c.png").runs
    assert list(names) == ["A__plans__3d/fold_0", "B__plans__3d/fold_0"]


def test_trainings_of_stock_nnunet_are_read_from_their_checkpoints(tmp_path):
    file = tmp_path / "fold_0" / "checkpoint_latest.pth"
    tiny_checkpoint.write(file, BUNetTrainer)
    checkpoint = torch.load(file, weights_only=False)
    keys = ("lrs", "train_losses", "val_losses", "mean_fg_dice", "ema_fg_dice")
    checkpoint["logging"] = {key: [0.1 * number, 0.2] for number, key in enumerate(keys, start=1)}
    checkpoint["logging"]["lrs"].append(0.3)  # of an epoch that had begun
    torch.save(checkpoint, file)
    drawn = draw_curves([tmp_path / "fold_0"], tmp_path / "curves.png")
    (rows,) = drawn.runs.values()
    assert len(rows) == 2
    assert rows[0] == pytest.approx(
        {
            "epoch": 0,
            "learning_rate": 0.1,
            "training_loss": 0.2,
            "validation_loss": 0.3,
            "dsc": 0.4,
            "dsc_moving_average": 0.5,
        }
    )


def test_a_checkpoint_with_a_damaged_log_is_named(tmp_path):
    file = tmp_path / "fold_0" / "checkpoint_latest.pth"
    tiny_checkpoint.write(file, BUNetTrainer)
    checkpoint = torch.load(file, weights_only=False)
    for log in (3, {"lrs": 3}):
        torch.save({**checkpoint, "logging": log}, file)
        with pytest.raises(UserError, match=r"checkpoint_latest\.pth has no valid log"):
            draw_curves([tmp_path / "fold_0"], tmp_path / "curves.png")


def test_the_numbers_go_into_json(tmp_path):
    write_run(tmp_path / "fold_0", dsc=float("nan"))
    content = draw_curves([tmp_path / "fold_0"], tmp_path / "curves.png").to_json()
    assert json.loads(json.dumps(content, allow_nan=False))["runs"]["fold_0"][0]["dsc"] is None


def test_what_cannot_be_drawn_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "fold_0")
    with pytest.raises(UserError, match="no training with a finished epoch"):
        draw_curves([tmp_path / "empty"], tmp_path / "curves.png")
    for arguments, name in (
        (([tmp_path / "no"], "c.png"), "runs"),
        (([tmp_path / "fold_0"], "c.gif"), "out"),
        (([],), "runs"),
    ):
        with pytest.raises(ArgumentError) as refused:
            draw_curves(*arguments)
        assert refused.value.argument == name
