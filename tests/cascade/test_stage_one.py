import json
import shutil

import pytest

from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import UserError


def change(file, **entries):
    content = json.loads(file.read_text())
    content.update(entries)
    file.write_text(json.dumps(content))


def test_each_case_belongs_to_the_fold_that_validates_it(stage_one):
    stage_one.check_folds()
    for case, fold in stage_one.fold_of.items():
        assert case in stage_one.splits[fold]["val"]
        assert case not in stage_one.splits[fold]["train"]
    assert len(stage_one.fold_of) == 6


def test_missing_folds_are_named_with_the_commands_that_train_them(stage_one):
    (stage_one.folder / "fold_1" / "checkpoint_final.pth").unlink()
    shutil.rmtree(stage_one.folder / "fold_3")
    with pytest.raises(UserError) as refused:
        stage_one.check_folds()
    assert str(refused.value) == (
        "BUNetTrainer__nnUNetPlans__3d_tiny has no checkpoint_final.pth in fold 1, 3; train:\n"
        "  nnUNetv2_train Dataset901_Tiny 3d_tiny 1 -tr BUNetTrainer\n"
        "  nnUNetv2_train Dataset901_Tiny 3d_tiny 3 -tr BUNetTrainer"
    )


def test_a_stage_one_of_all_cases_is_refused(stage_one):
    for fold in range(1, 5):
        shutil.rmtree(stage_one.folder / f"fold_{fold}")
    (stage_one.folder / "fold_0").rename(stage_one.folder / "fold_all")
    with pytest.raises(UserError, match=r"was trained on all cases \(fold all\), which leaves none out of fold"):
        stage_one.check_folds()


def test_a_trainer_without_any_model_is_told(stage_one):
    with pytest.raises(UserError, match="has no model ACDNetTrainer__nnUNetPlans__3d_tiny: train it first"):
        StageOne(stage_one.dataset, stage_one.configuration, "ACDNetTrainer").check_folds()


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ([{"train": ["a", "b"], "val": ["c"]}], "no fold validates a, b, so no network has not seen them"),
        ([{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a", "b"]}], "more than one fold validates b"),
        ([{"train": ["a"], "val": ["b", "a"]}], "fold 0 trains on what it validates: a"),
    ],
)
def test_splits_that_leave_cases_without_an_unseen_network_are_refused(stage_one, splits, sentence):
    (stage_one.preprocessed / "splits_final.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match=sentence):
        _ = stage_one.splits


def test_missing_splits_are_told(stage_one):
    (stage_one.preprocessed / "splits_final.json").unlink()
    with pytest.raises(UserError, match=r"splits_final.json is missing: .* train every fold: nnUNetv2_train"):
        _ = stage_one.splits


def test_other_labels_are_noticed(stage_one):
    change(stage_one.folder / "dataset.json", labels={"background": 0, "GTVp": 1})
    with pytest.raises(UserError, match="was trained with other labels than Dataset901_Tiny has now: train it again"):
        stage_one.check_folds()


def test_other_plans_are_noticed(stage_one):
    file = stage_one.folder / "plans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["3d_tiny"]["patch_size"] = [8, 16, 32]
    file.write_text(json.dumps(plans))
    with pytest.raises(UserError, match="was trained with another patch_size than nnUNetPlans has now"):
        stage_one.check_folds()


def test_options_of_the_second_stage_do_not_make_other_plans(stage_one):
    file = stage_one.preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["3d_tiny"]["cscn"]["staged"] = {"augmentation": {"blur": 0.5}}
    file.write_text(json.dumps(plans))
    stage_one.check_folds()


def test_commands_name_what_is_not_the_default():
    plain = StageOne("Dataset901_Tiny", "3d_tiny")
    assert plain.cascade_command() == "cscn cascade Dataset901_Tiny 3d_tiny"
    other = StageOne("Dataset901_Tiny", "3d_tiny", "ACDNetTrainer", "myPlans", "checkpoint_best.pth")
    assert other.train_command(2) == "nnUNetv2_train Dataset901_Tiny 3d_tiny 2 -tr ACDNetTrainer -p myPlans"
    assert other.cascade_command() == (
        "cscn cascade Dataset901_Tiny 3d_tiny -tr ACDNetTrainer -p myPlans -chk checkpoint_best.pth"
    )
