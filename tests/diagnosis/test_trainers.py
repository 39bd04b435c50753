import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_cscn.diagnosis import trainers
from nnunet_cscn.nnunet import discovery


@pytest.fixture
def variable_unset(monkeypatch):
    monkeypatch.setenv(discovery.TRAINERS_VARIABLE, "")  # restored after the test
    monkeypatch.delenv(discovery.TRAINERS_VARIABLE)
    monkeypatch.delenv("TORCH_DEVICE_BACKEND_AUTOLOAD", raising=False)


def _class_of(module: str) -> type:
    return type("CSCNTrainer", (), {"__module__": module})


def test_an_installed_package_registers_through_torch(variable_unset):
    (finding,) = trainers.check_registration()
    assert finding.state == "ok"
    assert "when torch is imported" in finding.detail


def test_autoloading_switched_off_has_the_remedy_of_the_variable(variable_unset, monkeypatch):
    monkeypatch.setenv("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
    (finding,) = trainers.check_registration()
    assert finding.state == "fault"
    assert 'eval "$(cscn env)"' in finding.remedy


def test_autoloading_switched_off_is_fine_with_the_variable_set(variable_unset, monkeypatch):
    monkeypatch.setenv("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
    discovery.ensure_registered()
    assert [finding.state for finding in trainers.check_registration()] == ["ok"]


def test_a_package_without_entry_point_has_the_remedy_of_the_variable(variable_unset, monkeypatch):
    monkeypatch.setattr(trainers.metadata, "entry_points", lambda group: [])
    (finding,) = trainers.check_registration()
    assert finding.state == "fault"
    assert 'eval "$(cscn env)"' in finding.remedy


@pytest.mark.parametrize("steps_up", [0, 1, 2])
def test_the_package_or_a_folder_above_it_on_the_variable_is_a_fault(variable_unset, monkeypatch, steps_up):
    package = Path(discovery.__file__).parents[1]
    entry = [package, *package.parents][steps_up]
    monkeypatch.setenv(discovery.TRAINERS_VARIABLE, f"{discovery.trainers_folder()}:{entry}")
    right, misplaced = trainers.check_registration()
    assert (right.state, misplaced.state) == ("ok", "fault")
    assert misplaced.remedy == f"Remove {entry} from the variable."


def test_each_trainer_is_looked_up_and_shown_with_its_file(variable_unset):
    class OurTrainer:
        pass

    OurTrainer.__module__ = "nnunet_cscn.errors"
    found = trainers.check_trainers(find=lambda name: OurTrainer)
    assert [finding.subject for finding in found] == list(trainers.TRAINERS)
    assert {finding.state for finding in found} == {"ok"}
    assert found[0].detail.endswith("nnunet_cscn/errors.py")


def test_what_the_search_prints_is_kept_off_the_screen(variable_unset, capsys):
    def find(name):
        print("Searching in: ...")
        return _class_of("nnunet_cscn.errors")

    trainers.check_trainers(find=find)
    assert capsys.readouterr().out == ""


def test_a_missing_trainer_is_a_fault(variable_unset):
    def find(name):
        raise RuntimeError(f"Could not find requested nnunet trainer {name} in nnunetv2")

    finding = trainers.check_trainers(find=find)[0]
    assert finding.state == "fault"
    assert finding.detail == f"not found in {discovery.trainers_folder()}"


def test_a_search_that_breaks_off_shows_why(variable_unset):
    def find(name):
        raise ImportError("No module named 'their_dependency'")

    finding = trainers.check_trainers(find=find)[0]
    assert finding.state == "fault"
    assert "ImportError: No module named 'their_dependency'" in finding.detail


def test_a_class_of_the_same_name_that_is_not_ours_is_a_fault(variable_unset):
    finding = trainers.check_trainers(find=lambda name: _class_of("somebody_elses"))[0]
    assert finding.state == "fault"
    assert "another class of this name" in finding.detail


@pytest.mark.slow
def test_nnunets_own_search_finds_trainers_in_a_folder_of_re_exports(tmp_path):
    (tmp_path / "nnunet_cscn_trainers.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class CSCNTrainer(nnUNetTrainer):\n"
        "    __module__ = 'nnunet_cscn.training.cscn'\n"
    )
    code = (
        "from pathlib import Path; from nnunet_cscn.nnunet import discovery;"
        "from nnunet_cscn.diagnosis import trainers;"
        f"discovery.trainers_folder = lambda: Path({str(tmp_path)!r});"
        "print([finding.state for finding in trainers.check_trainers()])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, env={"PATH": ""}
    )
    assert shown.stdout.strip() == str(["ok"] + ["fault"] * (len(trainers.TRAINERS) - 1))


@pytest.mark.slow
def test_the_trainers_of_this_installation_are_found_in_the_package(variable_unset):
    found = trainers.check_trainers()
    assert [finding.state for finding in found] == ["ok"] * len(trainers.TRAINERS)
    assert all(f"{os.sep}nnunet_cscn{os.sep}training{os.sep}" in finding.detail for finding in found)
