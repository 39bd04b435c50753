import fcntl

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.plans import read_plans
from nnunet_cscn.paper.configuration import PLANS
from nnunet_cscn.paper.methods import TRAINERS
from nnunet_cscn.paper.runs import by_method, paper_runs
from nnunet_cscn.protocol.splits import FILE, read_paper_splits, save_split

from .conftest import CONFIGURATION, NAME, change_plan


def runs_of(methods=("CSCN", "V-Net"), folds=None):
    return paper_runs(NAME, CONFIGURATION, list(methods), folds)


def test_every_method_meets_every_split(prepared):
    runs = runs_of(TRAINERS)
    assert len(runs) == 30
    assert [(run.fold, run.method) for run in runs[:7]] == [(0, m) for m in TRAINERS] + [(1, "CSCN")]
    tested = [case for run in by_method(runs)["V-Net"] for case in run.test_cases]
    assert sorted(tested) == sorted(set(tested))
    assert len(tested) == 10


def test_a_run_is_one_call_of_nnunets_command(prepared):
    job = runs_of(["DeepLab"], [3])[0].job()
    trained = ["nnUNetv2_train", NAME, CONFIGURATION, "3", "-tr", "DeepLabPaperTrainer", "-p", PLANS]
    assert list(job.command) == [*trained, "-device", "{device}"]
    assert (job.array, job.total) == ("DeepLabPaperTrainer", 2)


def test_states_follow_from_what_is_there(prepared, finish):
    run = runs_of()[0]
    assert run.state() == "waiting"
    run.training.folder.mkdir(parents=True)
    assert run.state() == "begun"
    run.record_failure("RuntimeError: no memory")
    assert (run.state(), run.failure) == ("failed", "RuntimeError: no memory")
    finish(run)
    assert (run.state(), run.failure) == ("done", "")


def test_a_run_that_is_tried_again_has_not_failed(prepared):
    run = runs_of()[0]
    run.record_failure("no memory")
    run.record_failure("")
    assert run.failure == ""


def test_a_run_without_all_predictions_is_not_done(prepared, finish):
    run = runs_of()[0]
    finish(run)
    (run.predictions / f"{run.test_cases[0]}.nii.gz").unlink()
    assert run.state() == "begun"
    assert run.job().command[-1] == "--c"  # continues from its checkpoint: validation and test


def test_a_data_set_that_is_not_prepared_names_the_command(prepared):
    (prepared["nnUNet_preprocessed"] / NAME / f"{PLANS}.json").unlink()
    with pytest.raises(UserError, match=f"`cscn paper prepare {NAME}`"):
        runs_of()


def test_an_unknown_configuration_is_refused(prepared):
    with pytest.raises(UserError, match=r"3d_other.*3d_cscn_paper"):
        paper_runs(NAME, "3d_other", ["CSCN"])


def test_a_missing_split_is_refused(prepared):
    with pytest.raises(UserError, match=r"^folds: .*7.* 0 to 4"):
        runs_of(folds=[7])


def test_cases_that_are_not_preprocessed_are_named(prepared):
    (prepared["nnUNet_preprocessed"] / NAME / "data" / "case_3.pkl").unlink()
    with pytest.raises(UserError, match=r"case_3.*`cscn paper prepare"):
        runs_of()


def test_results_of_other_plans_are_refused(prepared):
    model = runs_of()[0].training.folder.parent
    write_json(model / "plans.json", read_plans(NAME, PLANS))
    assert runs_of()
    change_plan(prepared["nnUNet_preprocessed"], batch_size=4)
    with pytest.raises(UserError, match="nnUNetCSCNPaperPlans changed"):
        runs_of()


def test_plans_that_differ_in_the_tiles_alone_are_the_same(prepared):
    model = runs_of()[0].training.folder.parent
    plans = read_plans(NAME, PLANS)
    plans["configurations"][CONFIGURATION]["patch_size"] = [40, 96, 96]
    plans["configurations"][CONFIGURATION]["cscn"]["block_size"] = [8, 24, 24]
    write_json(model / "plans.json", plans)
    assert runs_of()


def test_networks_that_were_trained_on_other_splits_are_refused(prepared, finish):
    run, other = runs_of(["CSCN"])[:2]
    finish(run)
    save_split(run.training.folder, read_paper_splits(prepared["nnUNet_preprocessed"] / NAME / FILE)[0])
    assert runs_of()[0].is_done
    save_split(run.training.folder, read_paper_splits(prepared["nnUNet_preprocessed"] / NAME / FILE)[other.fold])
    with pytest.raises(UserError, match=r"cscn_paper_splits.*changed"):
        runs_of()


def test_a_failure_of_many_lines_becomes_one(prepared):
    run = runs_of()[0]
    run.record_failure("FAILED:\n----\n\n  no memory\n")
    assert run.failure == "FAILED: ---- no memory"


def test_what_runs_elsewhere_is_seen(prepared):
    run = runs_of()[0]
    log = run.job().log_file
    log.parent.mkdir(parents=True)
    with log.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run.state() == "running"
    assert run.state() == "waiting"
