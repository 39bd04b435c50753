import dataclasses
import json
import shutil
import zipfile

import pytest
import torch

from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.cascade import make_cascade_maps


def change_checkpoint(file, change):
    checkpoint = torch.load(file, weights_only=False)
    change(checkpoint["init_args"])
    torch.save(checkpoint, file)


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
        "BUNetTrainer__nnUNetPlans__3d_tiny is not finished in fold 1, 3; train:\n"
        "  nnUNetv2_train Dataset901_Tiny 3d_tiny 1 -tr BUNetTrainer --c\n"
        "  nnUNetv2_train Dataset901_Tiny 3d_tiny 3 -tr BUNetTrainer"
    )


def test_a_stage_one_of_all_cases_is_refused(stage_one):
    for fold in range(1, 5):
        shutil.rmtree(stage_one.folder / f"fold_{fold}")
    (stage_one.folder / "fold_0").rename(stage_one.folder / "fold_all")
    with pytest.raises(UserError, match="fold all"):
        stage_one.check_folds()


def test_a_fold_that_has_begun_goes_on(stage_one):
    fold = stage_one.folder / "fold_1"
    (fold / "checkpoint_final.pth").rename(fold / "checkpoint_latest.pth")
    with pytest.raises(UserError, match=r"nnUNetv2_train Dataset901_Tiny 3d_tiny 1 -tr BUNetTrainer --c$"):
        stage_one.check_folds()


def test_a_checkpoint_that_finished_folds_do_not_have_is_told(stage_one):
    with pytest.raises(UserError, match=r"checkpoint_latest.pth in fold 0, 1, 2, 3, 4"):
        dataclasses.replace(stage_one, checkpoint="checkpoint_latest.pth").check_folds()


def test_a_trainer_without_any_model_is_told_with_the_commands(stage_one):
    with pytest.raises(UserError, match=r"fold 0, 1, 2, 3, 4; train:\n  nnUNetv2_train .* ACDNetTrainer"):
        StageOne(stage_one.dataset, stage_one.configuration, "ACDNetTrainer").check_folds()


def fold(training, validation):
    return {"train": [f"case_{n}" for n in training.split()], "val": [f"case_{n}" for n in validation.split()]}


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ([fold("0 1", "2")], "no fold has these cases in its validation set: case_0, case_1"),
        ([fold("0", "1 2"), fold("2", "0 1")], "several folds have these cases in their validation sets: case_1"),
        ([fold("0", "1 0")], "fold 0 has these cases in its training and validation sets: case_0"),
        ([fold("0", "7")], "fold 0 lists cases that are not preprocessed: case_7"),
        ({"train": []}, "no valid splits"),
        ([{"train": ["a"]}], "no valid splits"),
        ([], "no valid splits"),
        ([{"train": ["a", 1], "val": ["b"]}], "no valid splits"),
        ([{"train": [["a"]], "val": ["b"]}], "no valid splits"),
    ],
)
def test_splits_that_leave_cases_without_an_unseen_network_are_refused(stage_one, splits, sentence):
    (stage_one.preprocessed / "splits_final.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match=sentence):
        _ = stage_one.splits


def test_maps_alone_need_no_data_of_stage_one(stage_one):
    data = stage_one.preprocessed / stage_one.plan["data_identifier"]
    data.rename(data.with_name("elsewhere"))
    assert len(stage_one.splits) == 5


def test_fewer_cases_than_folds_are_told_instead_of_trainings_that_would_fail(stage_one):
    (stage_one.preprocessed / "splits_final.json").unlink()
    for case in ("case_0", "case_1"):
        for file in (stage_one.preprocessed / stage_one.plan["data_identifier"]).glob(f"{case}*"):
            file.unlink()
    with pytest.raises(UserError, match="4 preprocessed cases, too few for the 5 folds"):
        make_cascade_maps(stage_one.dataset, stage_one.configuration, device="cpu")


def test_missing_splits_are_told(stage_one):
    (stage_one.preprocessed / "splits_final.json").unlink()
    with pytest.raises(UserError, match=r"splits_final.json is missing.*nnUNetv2_train"):
        _ = stage_one.splits


@pytest.mark.parametrize(
    "labels",
    [{"background": 0, "GTVp": 1}, {"background": 0, "tumour": 1, "GTVn": 2}, {"background": 0, "GTVn": 2, "GTVp": 1}],
)
def test_other_labels_or_another_order_of_them_are_noticed_in_each_fold(stage_one, labels):
    change_checkpoint(stage_one.checkpoint_of(3), lambda arguments: arguments["dataset_json"].update(labels=labels))
    with pytest.raises(UserError, match=r"labels of Dataset901_Tiny changed.*fold 3"):
        stage_one.check_folds()


def test_other_plans_are_noticed_in_each_fold(stage_one):
    def change_patch(arguments):
        arguments["plans"]["configurations"]["3d_tiny"]["patch_size"] = [8, 16, 32]

    change_checkpoint(stage_one.checkpoint_of(2), change_patch)
    with pytest.raises(UserError, match=r"nnUNetPlans changed.*fold 2.*patch_size"):
        stage_one.check_folds()


def test_a_split_that_changed_after_the_training_is_noticed(stage_one):
    """Otherwise the maps of the present validation cases would come from networks trained on them."""
    file = stage_one.preprocessed / "splits_final.json"
    splits = json.loads(file.read_text())
    splits[0], splits[1] = splits[1], splits[0]
    file.write_text(json.dumps(splits))
    with pytest.raises(UserError, match=r"splits_final.json changed.*fold 0"):
        stage_one.check_folds()


def remove_recorded_split(stage_one, fold):
    change_checkpoint(stage_one.checkpoint_of(fold), lambda arguments: arguments.pop("cscn"))


def test_for_stock_trainers_nnunets_validation_tells_the_split(stage_one):
    remove_recorded_split(stage_one, 0)
    with pytest.raises(UserError, match=r"fold 0 .* -tr BUNetTrainer --val"):
        stage_one.check_folds()
    summary = stage_one.folder / "fold_0" / "validation" / "summary.json"
    summary.parent.mkdir()
    cases = [f"/somewhere/gt_segmentations/{case}.nii.gz" for case in stage_one.splits[0]["val"]]
    summary.write_text(json.dumps({"metric_per_case": [{"reference_file": case} for case in cases]}))
    stage_one.check_folds()
    summary.write_text(json.dumps({"metric_per_case": [{"reference_file": cases[0]}]}))
    with pytest.raises(UserError, match=r"splits_final\.json changed"):
        stage_one.check_folds()


def test_a_truncated_checkpoint_is_named(stage_one):
    file = stage_one.checkpoint_of(4)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=rf"{file} is damaged.*nnUNetv2_train"):
        stage_one.check_folds()


def test_a_checkpoint_with_a_damaged_weight_is_named(stage_one):
    file = stage_one.checkpoint_of(1)
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    content[largest.header_offset + largest.file_size // 2 + 200] ^= 1  # behind the header of the member
    file.write_bytes(content)
    with pytest.raises(UserError, match=rf"{file} is damaged: train it again: nnUNetv2_train"):
        stage_one.check_folds()


def test_the_best_checkpoint_of_an_unfinished_training_is_none(stage_one):
    for fold in range(5):
        shutil.copy(stage_one.checkpoint_of(fold), stage_one.folder / f"fold_{fold}" / "checkpoint_best.pth")
    best = dataclasses.replace(stage_one, checkpoint="checkpoint_best.pth")
    best.check_folds()
    stage_one.checkpoint_of(2).unlink()
    with pytest.raises(UserError, match="is not finished in fold 2"):
        best.check_folds()


def test_the_second_stage_of_nnunets_cascade_is_refused(stage_one):
    file = stage_one.preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["3d_cascade"] = {"inherits_from": "3d_tiny", "previous_stage": "3d_lowres"}
    file.write_text(json.dumps(plans))
    with pytest.raises(UserError, match=r"3d_cascade is the second stage.*3d_lowres"):
        StageOne.find(901, "3d_cascade", trainer="BUNetTrainer", plans="nnUNetPlans", checkpoint="checkpoint_final.pth")


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
