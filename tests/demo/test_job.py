import json
import os
from pathlib import Path

import pytest

import finished_training
from nnunet_cscn.demo.job import Demo
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json

STEPS = {
    "synthetic cases": "_make_cases",
    "plan": "_plan",
    "preprocess": "_preprocess",
    "train CSCNTrainer": "_train",
    "predict unseen cases": "_predict",
    "evaluate": "_evaluate",
    "draw": "_draw_contours",
    "report": "_report",
}


@pytest.fixture
def ran(monkeypatch):
    """Replace every step by one that only records its name; return the list of names."""
    names = []
    for name, method in STEPS.items():
        monkeypatch.setattr(Demo, method, lambda _self, _on_progress, name=name: names.append(name))
    return names


def run(job, *, stop_after=None):
    for step in job.steps():
        step.run(lambda done, total: None)
        if step.name == stop_after:
            raise KeyboardInterrupt


def test_the_steps_come_in_their_order_and_the_folder_is_claimed(ran, tmp_path):
    folder = tmp_path / "new" / "demo"
    run(Demo(folder, seed=3))
    assert ran == list(STEPS)
    assert json.loads((folder / "demo.json").read_text())["seed"] == 3
    assert all((folder / name).is_dir() for name in ("raw", "preprocessed", "results"))


def test_an_empty_folder_may_be_there(ran, tmp_path):
    run(Demo(tmp_path))
    assert ran == list(STEPS)


def test_a_second_run_finds_everything_done(ran, tmp_path):
    run(Demo(tmp_path))
    ran.clear()
    run(Demo(tmp_path))
    assert ran == []


def test_a_step_that_failed_is_done_again_and_those_before_it_are_not(ran, tmp_path, monkeypatch):
    train = Demo._train

    def fail(_self, _on_progress):
        raise UserError("out of memory")

    monkeypatch.setattr(Demo, "_train", fail)
    with pytest.raises(UserError, match="out of memory"):
        run(Demo(tmp_path))
    assert ran == ["synthetic cases", "plan", "preprocess"]
    monkeypatch.setattr(Demo, "_train", train)
    run(Demo(tmp_path))
    assert ran == list(STEPS)


def test_a_step_that_was_interrupted_is_done_again(ran, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Demo(tmp_path), stop_after="preprocess")
    ran.clear()
    run(Demo(tmp_path))
    assert ran[0] == "preprocess"


@pytest.mark.parametrize("other", [{"seed": 1}, {"device": "cuda"}, {"training_cases": 6}, {"test_cases": 2}])
def test_a_demo_with_other_settings_is_refused(ran, tmp_path, other):
    run(Demo(tmp_path))
    before = (tmp_path / "demo.json").read_text()
    ran.clear()
    with pytest.raises(UserError, match="demo with different settings"):
        run(Demo(tmp_path, **other))
    assert ran == []
    assert (tmp_path / "demo.json").read_text() == before


def test_a_demo_of_another_version_is_refused(ran, tmp_path, monkeypatch):
    run(Demo(tmp_path))
    monkeypatch.setattr("nnunet_cscn.demo.job.__version__", "0.0.0")
    with pytest.raises(UserError, match="different settings"):
        run(Demo(tmp_path))


def test_a_folder_of_something_else_is_refused_and_left_as_it_is(ran, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not empty"):
        run(Demo(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="contains no demo"):
        run(Demo(tmp_path / "thesis.tex"))
    assert ran == []


def test_an_interruption_while_the_folder_is_claimed_does_no_harm(ran, tmp_path, monkeypatch):
    folder, mkdir = tmp_path / "demo", Path.mkdir

    def interrupted(path, *args, **kwargs):
        if path.name == "preprocessed":
            raise KeyboardInterrupt
        mkdir(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(Demo(folder))
    run(Demo(folder))
    assert ran == list(STEPS)
    assert (folder / "preprocessed").is_dir()


def test_a_broken_marker_is_one_sentence(ran, tmp_path):
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(UserError, match=r"demo\.json is not valid JSON"):
        run(Demo(tmp_path))


def test_an_interrupted_training_is_resumed_and_its_epochs_are_told(tmp_path, monkeypatch):
    plans = {"configurations": {"3d_demo": {"cscn": {"epochs": 11}}}}
    write_json(tmp_path / "preprocessed" / "Dataset901_NPC" / "nnUNetPlans.json", plans)
    folder = tmp_path / "results" / "Dataset901_NPC" / "CSCNTrainer__nnUNetPlans__3d_demo" / "fold_0"
    folder.mkdir(parents=True)
    finished_training.write_checkpoint(folder / "checkpoint_latest.pth")
    (folder / "checkpoint_best.pth").write_bytes(b"PK half")
    jobs, told = [], []

    def run_jobs(_executor, wanted, *, on_progress):
        jobs.extend((job, os.environ["nnUNet_n_proc_DA"]) for job in wanted)  # noqa: SIM112  nnU-Net spells it so
        on_progress(wanted[0], 10)

    monkeypatch.setattr("nnunet_cscn.demo.job.run_jobs", run_jobs)
    monkeypatch.delenv("nnUNet_n_proc_DA", raising=False)
    Demo(tmp_path)._train(lambda done, total: told.append((done, total)))
    ((job, workers),) = jobs
    assert job.command[:4] == ("nnUNetv2_train", "Dataset901_NPC", "3d_demo", "0")
    assert "--c" in job.command
    assert not (folder / "checkpoint_best.pth").exists()
    assert (workers, job.total, told) == ("0", 11, [(10, 12)])
    assert "nnUNet_n_proc_DA" not in os.environ
