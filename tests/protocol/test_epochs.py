import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.protocol.epochs import COLUMNS, EpochFile, read_epochs


def row(epoch, **more):
    return {"epoch": epoch, "learning_rate": 0.01, "dsc": 0.5, **more}


def test_rows_come_back_with_what_was_measured(tmp_path):
    file = EpochFile(tmp_path / "epochs.csv", first_epoch=0)
    file.append(row(0))
    file.append(row(1, training_loss_fine=0.25, dsc=float("nan")))
    first, second = read_epochs(tmp_path / "epochs.csv")
    assert first == {"epoch": 0.0, "learning_rate": 0.01, "dsc": 0.5}
    assert second["training_loss_fine"] == 0.25
    assert second["dsc"] != second["dsc"]


def test_a_resumed_training_replaces_epochs_that_were_lost(tmp_path):
    for first_epoch, epochs in ((0, (0, 1, 2)), (1, (1,))):
        file = EpochFile(tmp_path / "epochs.csv", first_epoch=first_epoch)
        for epoch in epochs:
            file.append(row(epoch))
    assert [each["epoch"] for each in read_epochs(tmp_path / "epochs.csv")] == [0, 1]


def test_another_file_is_refused(tmp_path):
    (tmp_path / "epochs.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a table of epochs"):
        read_epochs(tmp_path / "epochs.csv")


@pytest.mark.parametrize("cells", [{"epoch": ""}, {"epoch": "nan"}, {"dsc": "x"}, {"seconds": "1" * 200_000}])
def test_a_damaged_table_of_epochs_is_refused(tmp_path, cells):
    row = {**dict.fromkeys(COLUMNS, "1"), **cells}
    (tmp_path / "a.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(row.values())}\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a table of epochs"):
        read_epochs(tmp_path / "a.csv")
