from pathlib import Path

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.phantom.heads import HeadFile
from nnunet_cscn.phantom.patients import assign_heads
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.splits.cross_validation import folds_by_patient


def heads(count: int) -> list[HeadFile]:
    return [HeadFile(Path(f"head_{k:02d}.nii.gz"), (0, 0, 0)) for k in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_test_heads_are_never_in_training_and_every_head_is_used(seed):
    settings = PhantomSettings.for_heads(Path("heads"), seed=seed)
    assigned = [head.patient for head in assign_heads(settings, heads(20))]
    training, test = set(assigned[:60]), set(assigned[60:])
    assert (len(training), len(test), len(training & test)) == (15, 5, 0)
    assert {assigned[:60].count(patient) for patient in training} == {4}


def test_without_test_cases_all_heads_go_to_training():
    settings = PhantomSettings.for_heads(Path("heads"), cases=4, test_cases=0)
    assert len(set(assign_heads(settings, heads(4)))) == 4


def test_one_head_is_too_few():
    with pytest.raises(UserError, match="at least two"):
        assign_heads(PhantomSettings.for_heads(Path("heads")), heads(1))


def test_folds_keep_a_patient_on_one_side_and_validate_each_case_once():
    patients = {f"case_{k:02d}": f"patient_{k % 7}" for k in range(20)}
    folds = folds_by_patient(patients)
    assert len(folds) == 5
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == sorted(patients)
        assert not {patients[case] for case in fold["train"]} & {patients[case] for case in fold["val"]}
    assert sorted(case for fold in folds for case in fold["val"]) == sorted(patients)


def test_fewer_patients_than_five_give_as_many_folds():
    assert len(folds_by_patient({"a": "1", "b": "2", "c": "1"})) == 2


def test_a_single_patient_gives_no_folds():
    assert folds_by_patient({"a0": "a", "a1": "a"}) == []
