import shutil

import pytest

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


def finish(training):
    (training.folder / "validation").mkdir(parents=True)
    for name in ("checkpoint_final.pth", "validation/summary.json"):
        (training.folder / name).touch()


def test_all_folds_are_trained_by_default(root, run, phases):
    found = train(901, CONFIGURATION, run=run)
    assert [(training.trainer, training.fold) for training in found] == [("CSCNTrainer", fold) for fold in range(5)]
    assert phases == [[f"CSCNTrainer fold {fold}" for fold in range(5)]]


def test_what_is_finished_is_told_and_left_alone(root, run, phases):
    first = train(tiny_dataset.NAME, CONFIGURATION, trainer="BUNetTrainer_5epochs", folds=[0, 1], run=run)[0]
    finish(first)
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
