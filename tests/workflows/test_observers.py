import json

import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.workflows.observers import compare_observers

COLUMNS = {"anna": 4, "bert": 5, "net": 6}


def block(n_columns):
    volume = np.zeros((4, 8, 10), dtype=np.uint8)
    volume[1:3, 1:7, 1 : 1 + n_columns] = 1
    return volume


@pytest.fixture
def folders(tmp_path, write_volume):
    """Two cases with the numbers of columns in `COLUMNS`. A column is 0.5 mm wide."""
    for name, n_columns in COLUMNS.items():
        for case in ("x", "y"):
            write_volume(tmp_path / name / f"{case}.nii.gz", block(n_columns))
    return tmp_path


def test_means_by_hand_of_observers_model_and_consensus(folders):
    observers = {name: str(folders / name) for name in ("anna", "bert")}
    found = compare_observers(observers, model=str(folders / "net"), labels={"GTVp": 1})
    assert (found.observers, found.labels) == (("anna", "bert"), ("GTVp",))
    table = found.to_dataframe()
    columns = {"anna": 4, "bert": 5, "model": 6, "majority": 4}  # for two observers: the voxels that both marked
    pairs = table[["first", "second"]].to_numpy().tolist()
    assert pairs[:3] == [["anna", "bert"], ["anna", "model"], ["bert", "model"]]
    assert len(pairs) == 3 + 3 * 2
    for (first, second), row in zip(pairs, table.to_dict("records"), strict=True):
        if second != "STAPLE":
            a, b = columns[first], columns[second]
            assert row["dsc_mean"] == pytest.approx(2 * min(a, b) / (a + b))
            assert row["hd_mm_mean"] == pytest.approx(0.5 * abs(a - b))
            assert (row["n"], row["dsc_sd"]) == (2, 0.0)


def test_the_json_names_observers_and_agreements(folders):
    found = compare_observers({name: folders / name for name in ("anna", "bert")})
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content["observers"] == ["anna", "bert"]
    row = content["agreements"][0]
    assert (row["label"], row["first"], row["second"]) == ("1", "anna", "bert")
    assert row["aggregate"]["dsc_mean"] == pytest.approx(8 / 9)
    assert len(found.for_label("1")) == len(content["agreements"])


def test_the_consensus_is_written_and_progress_told(folders):
    seen = []
    compare_observers(
        {name: folders / name for name in ("anna", "bert")},
        consensus=str(folders / "agreed"),
        workers=1,
        on_progress=lambda *done: seen.append(done),
    )
    assert (read_voxels(folders / "agreed" / "majority" / "x.nii.gz") == block(4)).all()
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("names", "options", "sentence"),
    [
        (["anna"], {}, "^observers: expected"),
        (["anna", "STAPLE"], {}, "^observers: .*STAPLE"),
        (["anna", "bert"], {"workers": 0}, "^workers: expected"),
    ],
)
def test_wrong_values_are_refused_by_the_arguments_name(folders, names, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        compare_observers({name: folders / name for name in names}, **options)


def test_a_missing_folder_is_named(folders):
    with pytest.raises(UserError, match="absent: folder not found"):
        compare_observers({"anna": folders / "anna", "bert": folders / "bert"}, model=folders / "absent")
