"""`cscn paper` with fast replacements for nnU-Net's command. tests/stock uses the real command."""

import csv
import fcntl
import json
import re
import shutil
import sys

import pytest
from typer.testing import CliRunner

import finished_training
from nnunet_cscn.cli.main import app
from nnunet_cscn.errors import CommandFailed, UserError
from nnunet_cscn.execution import commands, trainings
from nnunet_cscn.files import write_json
from nnunet_cscn.paper.configuration import CONFIGURATION, PLANS
from nnunet_cscn.paper.runs import paper_runs
from paper.conftest import NAME, finish, prepared  # noqa: F401  fixtures

STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys
_, dataset, configuration, fold, _, trainer, _, plans, _, device, *rest = sys.argv
results = pathlib.Path(os.environ["nnUNet_results"])
with (results / "calls").open("a") as calls:
    calls.write(json.dumps([trainer, int(fold), *rest]) + "\\n")
if (results / f"fail_{{trainer}}_{{fold}}").exists():
    print("Epoch 0")
    sys.exit("RuntimeError: it broke")
folder = results / dataset / f"{{trainer}}__{{plans}}__{{configuration}}" / f"fold_{{fold}}"
for name in ("validation", "test"):
    (folder / name).mkdir(parents=True, exist_ok=True)
{finished_training.PROGRAM}
splits = json.loads((pathlib.Path(os.environ["nnUNet_preprocessed"]) / dataset / "cscn_paper_splits.json").read_text())
for case in splits["splits"][int(fold)]["test"]:
    truth = pathlib.Path(os.environ["nnUNet_preprocessed"]) / dataset / "gt_segmentations" / f"{{case}}.nii.gz"
    (folder / "test" / f"{{case}}.nii.gz").write_bytes(truth.read_bytes())
"""


@pytest.fixture
def folders(prepared, stand_in_for_training):  # noqa: F811
    stand_in_for_training(STAND_IN)
    return prepared


def paper(*arguments, status=0):
    shown = CliRunner().invoke(app, ["paper", *arguments])
    if status == 0:
        assert shown.exit_code == 0, (shown.output, shown.exception)
    else:  # `run` in cli/app.py turns these exceptions into exit statuses
        assert isinstance(shown.exception, {1: CommandFailed, 2: UserError}[status])
    return shown


def run(*arguments, **more):
    return paper("run", "901", "--devices", "cpu", *arguments, **more)


def calls(folders):
    file = folders["nnUNet_results"] / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def states():
    return {(each.method, each.fold): each.state() for each in paper_runs(NAME, CONFIGURATION, ["CSCN", "V-Net"])}


def test_every_run_is_made_once(folders):
    run("--methods", "CSCN,V-Net")
    assert sorted(calls(folders)) == [[f"{name}PaperTrainer", fold] for name in ("CSCN", "VNet") for fold in range(5)]
    assert set(states().values()) == {"done"}
    run("--methods", "CSCN,V-Net")
    assert len(calls(folders)) == 10


def test_folds_are_chosen(folders):
    run("--methods", "cscn", "-f", "1,3")
    assert calls(folders) == [["CSCNPaperTrainer", 1], ["CSCNPaperTrainer", 3]]


def test_a_failed_run_is_told_and_the_others_go_on(folders):
    (folders["nnUNet_results"] / "fail_VNetPaperTrainer_2").touch()
    shown = run("--methods", "CSCN,V-Net", status=1)
    assert re.match(r"1 of 10 runs failed.*\nV-Net fold 2: .*RuntimeError: it broke", str(shown.exception))
    assert states()["V-Net", 2] == "failed"
    assert list(states().values()).count("done") == 9
    shown = paper("status", "901", "--methods", "CSCN,V-Net", "--json", str(folders["nnUNet_results"] / "s.json"))
    assert "failed" in shown.output
    assert "RuntimeError: it broke" in shown.output
    found = json.loads((folders["nnUNet_results"] / "s.json").read_text())["runs"]
    assert next(each for each in found if each["state"] == "failed")["method"] == "V-Net"
    table = paper("table", "901", "--methods", "CSCN,V-Net")
    assert re.search(r"V-Net: fold 2 has failed: .*it broke", table.output)
    assert "V-Net: 8 of 10 cases" in table.output
    (folders["nnUNet_results"] / "fail_VNetPaperTrainer_2").unlink()
    run("--methods", "CSCN,V-Net")
    assert set(states().values()) == {"done"}
    assert len(calls(folders)) == 11


def test_what_was_interrupted_goes_on(folders):
    begun = next(r for r in paper_runs(NAME, CONFIGURATION, ["CSCN"], [0]))
    begun.training.folder.mkdir(parents=True)
    finished_training.write_checkpoint(begun.training.folder / "checkpoint_latest.pth")
    run("--methods", "CSCN", "-f", "0")
    assert calls(folders) == [["CSCNPaperTrainer", 0, "--c"]]


def test_a_run_that_leaves_no_predictions_has_failed(folders, monkeypatch, tmp_path):
    command = tmp_path / "bin" / "nnUNetv2_train"
    command.write_text(f"#!{sys.executable}\n")
    shown = run("--methods", "CSCN", "-f", "0", status=1)
    assert re.search(r"CSCN fold 0: ended without predictions in .*fold_0", str(shown.exception))


def test_a_run_that_ends_badly_after_all_was_written_is_done(folders, stand_in_for_training):
    stand_in_for_training(STAND_IN + "sys.exit('could not close a file')\n")
    shown = run("--methods", "CSCN", "-f", "0")
    assert "ended badly, after all was written" in shown.output
    assert states()["CSCN", 0] == "done"


def test_a_run_whose_weights_are_damaged_has_failed(folders, monkeypatch):
    run("--methods", "CSCN", "-f", "0")
    monkeypatch.setattr(trainings, "is_whole", lambda _file: False)
    shown = run("--methods", "CSCN", "-f", "0", status=1)
    assert "CSCN fold 0: ended without predictions" in str(shown.exception)


def test_a_training_that_was_left_behind_is_not_started_twice(folders, monkeypatch):
    monkeypatch.setattr(commands, "LOCK_SECONDS", 0.2)
    log = paper_runs(NAME, CONFIGURATION, ["CSCN"], [0])[0].job().log_file
    log.parent.mkdir(parents=True)
    log.write_text("Epoch 1\n")
    with log.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        shown = run("--methods", "CSCN", "-f", "0", status=1)
    assert "is already running" in str(shown.exception)
    assert calls(folders) == []
    assert log.read_text() == "Epoch 1\n"
    run("--methods", "CSCN", "-f", "0")


def test_without_a_terminal_each_change_is_a_line(folders):
    shown = run("--methods", "CSCN", "-f", "0,1")
    assert re.search(r"^CSCN fold 1: done$", shown.output, flags=re.MULTILINE)
    assert re.search(r"│ CSCN +│ done +│ done +│", shown.output)


def test_curves_can_be_drawn_before_a_run_is_done(folders, tmp_path, finish):  # noqa: F811
    first = paper_runs(NAME, CONFIGURATION, ["CSCN"], [0])[0]
    finish(first)
    (first.training.folder / "checkpoint_final.pth").unlink()
    shown = paper("figures", "901", "--methods", "CSCN", "-o", str(tmp_path / "figures"))
    assert "no run is done yet: Figures 7 and 8 need predictions" in shown.output
    assert len(list((tmp_path / "figures").iterdir())) == 6


def test_a_budget_gets_its_configuration_when_it_is_run(folders):
    run("--methods", "CSCN", "-f", "0", "--budget", "0.05")
    plans = json.loads((folders["nnUNet_preprocessed"] / NAME / f"{PLANS}.json").read_text())
    assert plans["configurations"][f"{CONFIGURATION}_0p05"]["cscn"]["protocol"] == {"decay_iterations": 25}
    assert (folders["nnUNet_results"] / NAME / f"CSCNPaperTrainer__{PLANS}__{CONFIGURATION}_0p05").is_dir()


def test_the_table_is_written_in_all_forms(folders, tmp_path):
    run("--methods", "CSCN,CNN")
    files = {name: tmp_path / f"table.{name}" for name in ("csv", "markdown", "latex", "json")}
    options = [text for name, file in files.items() for text in (f"--{name}", str(file))]
    shown = paper("table", "901", "--methods", "CSCN,CNN", "--published", *options)
    assert "(1.000 to 1.000)" in shown.output
    assert "paper 0.741" in shown.output
    with files["csv"].open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["method"] for row in rows] == ["CSCN", "CNN"]
    assert "| CSCN | 1.000 (1.000 to 1.000) | - | 0.741 |" in files["markdown"].read_text()
    assert r"\toprule" in files["latex"].read_text()
    content = json.loads(files["json"].read_text())
    assert content["labels"]["GTVp"][1]["dsc"]["p_holm"] == 1.0
    assert content["labels"]["GTVp"][0]["dsc"]["n"] == 10


def test_two_observers_get_a_row(folders):
    run("--methods", "CSCN", "-f", "0")
    truth = folders["nnUNet_preprocessed"] / NAME / "gt_segmentations"
    shown = paper("table", "901", "--methods", "CSCN", "--observers", f"{truth},{truth}", "--published")
    assert "two observers" in shown.output
    assert "paper 0.642" in shown.output


def test_figures_are_drawn(folders, tmp_path, finish):  # noqa: F811
    for each in paper_runs(NAME, CONFIGURATION, ["CSCN", "CNN"]):
        finish(each)
    shown = paper("figures", "901", "--methods", "CSCN,CNN", "-o", str(tmp_path / "figures"))
    assert len(list((tmp_path / "figures").iterdir())) == 10
    assert "figure_8_surfaces.svg" in shown.output.replace("\n", "")
    paper("figures", "901", "--methods", "CSCN,CNN", "--cases", "case_1,case_2", "-o", str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "901", "-c", "3d_other"], "no configuration 3d_other"),
        (["run", "901", "--methods", "UNet"], "unknown method UNet; available: CSCN"),
        (["run", "901", "-f", "9"], "there is no split 9"),
        (["run", "901", "-f", "x"], "--folds: expected numbers"),
        (["run", "901", "--budget", "3"], "expected a fraction"),
        (["run", "901", "--slurm", "slurm_partition=gpu"], "--slurm: timeout_min is missing"),
        (["run", "901", "--executor", "slurm"], "--slurm: the Slurm options are missing"),
        (["run", "901", "--slurm", "timeout_min=5", "--devices", "cpu"], "--devices and --slurm"),
        (["table", "901", "--csv", "."], ". is a folder: give a file name"),
        (["table", "901"], "no run is finished yet"),
        (["figures", "901"], "no run has finished an epoch yet"),
        (["figures", "901", "--label", "GTVn"], "--label GTVn: unknown label; choose one of GTVp"),
        (["status", "901", "--budget", "0.1"], "no configuration 3d_cscn_paper_0p1"),
        (["prepare", "901", "--spacing", "2"], "for other settings choose another name"),
        (["prepare", "901", "--large-tiles"], "for other settings choose another name"),
        (["prepare", "901", "-c", "3d_fullres"], "3d_fullres is a configuration made by nnU-Net's planner"),
        (["run", "902"], "no data set 902"),
    ],
)
def test_a_users_mistake_is_told_in_a_sentence(folders, refused, arguments, sentence):
    assert sentence in " ".join(refused("paper", *arguments).split())
    assert calls(folders) == []


def test_a_failure_before_any_run_leaves_the_table_empty_but_said(folders):
    (folders["nnUNet_results"] / "fail_CSCNPaperTrainer_0").touch()
    run("--methods", "CSCN", "-f", "0", status=1)
    shown = paper("table", "901", "--methods", "CSCN", status=2)
    assert "no run is finished yet" in str(shown.exception)


def test_results_of_other_plans_stop_all_commands(folders):
    run("--methods", "CSCN", "-f", "0")
    model = folders["nnUNet_results"] / NAME / f"CSCNPaperTrainer__{PLANS}__{CONFIGURATION}"
    plans = json.loads((folders["nnUNet_preprocessed"] / NAME / f"{PLANS}.json").read_text())
    plans["configurations"][CONFIGURATION]["batch_size"] = 3
    write_json(model / "plans.json", plans)
    for command in ("run", "table", "figures", "status"):
        shown = paper(command, "901", "--methods", "CSCN", status=2)
        assert "nnUNetCSCNPaperPlans changed after" in str(shown.exception)
    shutil.rmtree(model)
    paper("status", "901")
