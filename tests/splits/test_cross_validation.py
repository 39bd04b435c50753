import json

import pytest

from nnunet_cscn.conversion.dataset_files import plan_folds
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.errors import UserError
from nnunet_cscn.splits.cross_validation import check_same_folds, fixed_folds, folds_by_patient, folds_of, write_splits


def test_case_i_of_the_sorted_list_validates_fold_i_mod_5():
    folds = fixed_folds([f"case_{i:02d}" for i in reversed(range(11))])
    assert [fold["val"] for fold in folds] == [
        ["case_00", "case_05", "case_10"],
        ["case_01", "case_06"],
        ["case_02", "case_07"],
        ["case_03", "case_08"],
        ["case_04", "case_09"],
    ]


def test_each_fold_trains_on_all_that_it_does_not_validate():
    cases = [f"case_{i}" for i in range(7)]
    for fold in fixed_folds(cases):
        assert sorted(fold["train"] + fold["val"]) == cases


def test_fewer_cases_than_folds_are_refused():
    with pytest.raises(UserError, match="5 folds need at least 5 cases"):
        fixed_folds(["a", "b", "c", "d"])


def test_writing_the_same_folds_twice_leaves_the_file_alone(tmp_path):
    file = tmp_path / "new" / "splits_final.json"
    folds = fixed_folds("abcde")
    write_splits(file, folds)
    before = file.stat()
    write_splits(file, folds)
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert json.loads(file.read_text()) == folds


def test_other_folds_are_never_overwritten(tmp_path):
    file = tmp_path / "splits_final.json"
    file.write_text("[]")
    with pytest.raises(UserError, match="different folds"):
        write_splits(file, fixed_folds("abcde"))
    assert file.read_text() == "[]"


def test_a_broken_folds_file_is_told_and_kept(tmp_path):
    file = tmp_path / "splits_final.json"
    file.write_text("[")
    with pytest.raises(UserError, match="not valid JSON"):
        check_same_folds(file, fixed_folds("abcde"))


def test_folds_that_lack_cases_are_completed(tmp_path):
    file = tmp_path / "splits_final.json"
    folds = fixed_folds("abcdef")
    write_splits(file, folds_of(folds, "abdef"))
    assert "c" not in file.read_text()
    write_splits(file, folds)
    assert json.loads(file.read_text()) == folds
    write_splits(file, folds_of(folds, "abdef"))  # and a case that is gone leaves them
    assert "c" not in file.read_text()


def test_a_case_that_changes_its_side_is_refused(tmp_path):
    file = tmp_path / "splits_final.json"
    write_splits(file, fixed_folds("abcdef"))
    with pytest.raises(UserError, match="different folds"):
        write_splits(file, fixed_folds("bcdefg"))
    with pytest.raises(UserError, match="different folds"):
        write_splits(file, fixed_folds("vwxyz"))


@pytest.mark.parametrize("content", ['{"a": 1}', "[1]", '[{"train": 3}]', '[{"train": ["a"], "val": ["b"]}]'])
def test_whatever_else_stands_in_the_file_is_kept(tmp_path, content):
    file = tmp_path / "splits_final.json"
    file.write_text(content)
    with pytest.raises(UserError, match="different folds"):
        write_splits(file, fixed_folds("abcde"))
    assert file.read_text() == content


def test_patients_are_dealt_out_in_the_order_in_which_they_come():
    """So the phantom's published folds stay what they are."""
    patients = {"a": "z", "b": "x", "c": "y", "d": "z"}
    assert [fold["val"] for fold in folds_by_patient(patients)] == [["a", "d"], ["b"], ["c"]]


def _sources(patients):
    return [SourceCase(case, patient, load=lambda: None) for case, patient in patients.items()]


def test_patients_that_come_behind_leave_the_others_in_their_folds(tmp_path):
    patients = {f"case_{i}": f"patient_{i:03d}" for i in range(7)} | {"case_7": "patient_003"}
    grown = {"case_8": "patient_007", "case_9": "patient_000"} | patients  # in whatever order the source has them
    before, after = (plan_folds(tmp_path, _sources(each)) for each in (patients, grown))
    for old, new in zip(before, after, strict=True):
        assert set(old["val"]) <= set(new["val"])
        assert set(old["train"]) <= set(new["train"])


def test_there_are_as_many_folds_as_before(tmp_path):
    few = {"case_0": "patient_000", "case_1": "patient_000", "case_2": "patient_001"}
    write_splits(tmp_path / "splits_final.json", plan_folds(tmp_path, _sources(few)))
    more = few | {f"case_{i}": f"patient_{i:03d}" for i in range(3, 9)}
    assert len(plan_folds(tmp_path, _sources(more))) == 2
    assert plan_folds(tmp_path, _sources({"a": "p", "b": "q"})) is None  # nnU-Net's own folds will do
