import json

from nnunet_cscn.protocol.epochs import FILE, EpochFile


def test_several_runs_become_one_picture(tmp_path, cscn):
    for fold in (0, 3):
        EpochFile(tmp_path / f"fold_{fold}" / FILE, first_epoch=0).append({"epoch": 0, "training_loss": 1.0})
    out, numbers = tmp_path / "c.png", tmp_path / "c.json"
    status, shown, _ = cscn("curves", tmp_path / "fold_0", tmp_path / "fold_3", "-o", out, "--json", numbers)
    assert status == 0
    assert "fold_3: 1 epoch" in shown
    assert out.is_file()
    assert list(json.loads(numbers.read_text(encoding="utf-8"))["runs"]) == ["fold_0", "fold_3"]


def test_a_folder_that_is_not_there_is_refused(tmp_path, refused):
    assert "folder not found" in refused("curves", tmp_path / "no")
