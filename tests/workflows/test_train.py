import json
import shutil

import pytest

import finished_training
import tiny_dataset
from nnunet_cscn.cascade.manifest import stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.train import train
from tiny_training import CONFIGURATION


@pytest.fixture
def root(staged_folders):
    return staged_folders("labels")


@pytest.fixture
def phases():
    """The names of the submitted jobs in each phase."""
    return []


@pytest.fixture
def run(phases):
    """Record the jobs without running them."""
    return lambda executor, jobs: phases.append([job.name for job in jobs])


def test_all_folds_are_trained_by_default(root, run, phases):
    found = train(901, CONFIGURATION, run=run)
    assert [(training.trainer, training.fold) for training in found] == [("CSCNTrainer", fold) for fold in range(5)]
    assert phases == [[f"CSCNTrainer fold {fold}" for fold in range(5)]]


def test_what_is_finished_is_told_and_left_alone(root, run, phases):
    first = train(tiny_dataset.NAME, CONFIGURATION, trainer="BUNetTrainer_5epochs", folds=[0, 1], run=run)[0]
    finished_training.write(first.folder)
    told = []
    train(901, CONFIGURATION, trainer="BUNetTrainer_5epochs", folds=[0, 1], run=run, on_finished=told.append)
    assert told == [first]
    assert phases[1] == ["BUNetTrainer_5epochs fold 1"]


def test_a_staged_cascade_has_three_phases(root, run, phases):
    found = train(901, CONFIGURATION, staged=True, folds=[2], executor=object(), n_parts=2, run=run)
    assert [training.trainer for training in found] == ["CSCNStagedTrainer"]
    assert phases == [
        [f"BUNetTrainer fold {fold}" for fold in range(5)],
        ["maps 1 of 2", "maps 2 of 2"],
        ["CSCNStagedTrainer fold 2"],
    ]


def test_stage_two_waits_for_all_maps(root, run, phases):
    shutil.rmtree(stage_one_maps(StageOne(tiny_dataset.NAME, CONFIGURATION)).folder)
    with pytest.raises(UserError, match=r"no map of case_\d"):
        train(901, CONFIGURATION, staged=True, executor=object(), run=run)
    assert phases[1] == [f"maps {number} of 5" for number in range(1, 6)]
    assert len(phases) == 2


@pytest.mark.parametrize(
    ("arguments", "argument", "reason"),
    [
        ({"staged": True, "trainer": "BUNetTrainer"}, "trainer", "BUNetTrainer is not a trainer of stage two"),
        ({"folds": [7]}, "folds", "has no fold 7: expected 0 to 4"),
    ],
)
def test_wrong_arguments_are_named(root, run, phases, arguments, argument, reason):
    with pytest.raises(ArgumentError) as refused:
        train(901, CONFIGURATION, run=run, **arguments)
    assert refused.value.argument == argument
    assert reason in refused.value.reason
    assert phases == []


@pytest.mark.parametrize("folds", [["all"], [1, "all"]])
def test_all_cases_can_be_trained_on(root, run, phases, folds):
    found = train(901, CONFIGURATION, folds=folds, run=run)
    assert [training.fold for training in found] == folds
    assert phases == [[f"CSCNTrainer fold {fold}" for fold in folds]]


def test_all_cases_need_no_folds(root, run):
    file = root / "preprocessed" / tiny_dataset.NAME / "splits_final.json"
    file.unlink()
    train(901, CONFIGURATION, folds=["all"], run=run)
    assert not file.exists()


def test_the_second_stage_has_no_training_on_all_cases(root, run, phases):
    with pytest.raises(ArgumentError, match="out-of-fold") as refused:
        train(901, CONFIGURATION, staged=True, folds=["all"], run=run)
    assert refused.value.argument == "folds"
    assert phases == []


def test_fewer_cases_than_folds_are_told_before_any_training(root, run, phases):
    folder = root / "preprocessed" / tiny_dataset.NAME
    (folder / "splits_final.json").unlink()
    for case in ("case_0", "case_1"):
        for file in (folder / "nnUNetPlans_3d_fullres").glob(f"{case}*"):
            file.unlink()
    with pytest.raises(UserError, match=r"has 4 preprocessed cases, too few for the 5 folds"):
        train(901, CONFIGURATION, run=run)
    assert phases == []
    assert not (folder / "splits_final.json").exists()


@pytest.mark.parametrize("folds", [None, ["all"]])
def test_labels_that_the_dataset_json_does_not_name_are_told_before_any_training(root, run, phases, folds):
    file = root / "preprocessed" / tiny_dataset.NAME / "dataset.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, "labels": {"background": 0, "GTVp": 1}}), encoding="utf-8")
    with pytest.raises(UserError, match=r"case_0 has 2; .*dataset\.json"):
        train(901, CONFIGURATION, folds=folds, run=run)
    assert phases == []


@pytest.mark.parametrize(
    ("splits", "sentence"),
    [
        ([{"train": ["case_0", "nope"], "val": ["case_1"]}], "fold 0 lists cases that are not preprocessed: nope"),
        ([{"train": ["case_0", "case_1"], "val": ["case_1"]}], "fold 0 has these cases in its .* sets: case_1"),
    ],
)
@pytest.mark.parametrize("staged", [False, True])
def test_folds_that_leak_or_lack_cases_are_told_before_any_training(root, run, phases, splits, sentence, staged):
    file = root / "preprocessed" / tiny_dataset.NAME / "splits_final.json"
    file.write_text(json.dumps(splits), encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        train(901, CONFIGURATION, staged=staged, run=run)
    assert phases == []
    train(901, CONFIGURATION, folds=["all"], run=run)  # needs no folds
    assert phases == [["CSCNTrainer fold all"]]


@pytest.mark.parametrize("splits", [[1], [{"train": ["case_0", 1], "val": ["case_2"]}], {}])
def test_folds_that_are_no_lists_of_names_are_told_before_any_training(root, run, phases, splits):
    file = root / "preprocessed" / tiny_dataset.NAME / "splits_final.json"
    file.write_text(json.dumps(splits), encoding="utf-8")
    with pytest.raises(UserError, match="no valid splits"):
        train(901, CONFIGURATION, run=run)
    assert phases == []
