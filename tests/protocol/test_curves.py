import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.protocol.curves import CurveFile, read_curve

ROWS = [(0, 0.5, 1.25, 1e-3), (1, 0.75, 1.0, 1e-3), (2, 0.875, 0.5, 9e-4)]


def test_what_was_appended_is_read(tmp_path):
    curve = CurveFile(tmp_path / "curve.csv", first_iteration=0)
    curve.append(ROWS[:2])
    curve.append(ROWS[2:])
    assert read_curve(tmp_path / "curve.csv") == ROWS
    assert (tmp_path / "curve.csv").read_text().splitlines()[0] == "iteration,accuracy,loss,learning_rate"
    assert [file.name for file in tmp_path.iterdir()] == ["curve.csv"]


def test_a_resumed_training_forgets_what_came_after_its_checkpoint(tmp_path):
    CurveFile(tmp_path / "curve.csv", first_iteration=0).append(ROWS)
    CurveFile(tmp_path / "curve.csv", first_iteration=2).append([(2, 0.25, 2.0, 9e-4)])
    assert read_curve(tmp_path / "curve.csv") == [*ROWS[:2], (2, 0.25, 2.0, 9e-4)]


def test_a_new_training_begins_anew(tmp_path):
    CurveFile(tmp_path / "curve.csv", first_iteration=0).append(ROWS)
    CurveFile(tmp_path / "curve.csv", first_iteration=0).append(ROWS[:1])
    assert read_curve(tmp_path / "curve.csv") == ROWS[:1]


def test_another_file_is_no_curve(tmp_path):
    (tmp_path / "other.csv").write_text("case,dsc\na,0.5\n")
    with pytest.raises(UserError, match=r"other\.csv.*columns"):
        read_curve(tmp_path / "other.csv")


@pytest.mark.parametrize("row", ["", "1,0.5,1.0", "1,0.5,1.0,0.1,2", "a,0.5,1.0,0.1", "1,0.5,x,0.1", "1.5,0.5,1,0.1"])
def test_a_damaged_curve_is_refused(tmp_path, row):
    (tmp_path / "curve.csv").write_text(f"iteration,accuracy,loss,learning_rate\n{row}\n" if row else "")
    with pytest.raises(UserError, match="curve"):
        read_curve(tmp_path / "curve.csv")
