import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet import discovery


@pytest.fixture
def installation(tmp_path, monkeypatch):
    """An installation without trainers. Each test adds the folder that it needs."""
    package = tmp_path / "site" / "nnunet_cscn"
    package.mkdir(parents=True)
    monkeypatch.setattr(discovery, "_PACKAGE", package)
    monkeypatch.setenv("nnUNet_extTrainer", "")  # restored after the test
    monkeypatch.delenv("nnUNet_extTrainer")
    return package


def _make_trainers(folder: Path) -> Path:
    folder.mkdir()
    (folder / "nnunet_cscn_trainers.py").touch()
    return folder


def test_a_wheel_finds_the_folder_inside_the_package(installation):
    inside = _make_trainers(installation / "_trainers")
    assert discovery.trainers_folder() == inside


def test_a_checkout_finds_the_folder_beside_the_package(installation):
    beside = _make_trainers(installation.parent / "trainers")
    assert discovery.trainers_folder() == beside


def test_somebody_elses_trainers_folder_in_site_packages_is_not_ours(installation):
    (installation.parent / "trainers").mkdir()
    (installation.parent / "trainers" / "other.py").touch()
    with pytest.raises(UserError, match="install nnunet-cscn again"):
        discovery.trainers_folder()


def test_this_checkout_or_installation_is_complete():
    assert (discovery.trainers_folder() / "nnunet_cscn_trainers.py").is_file()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_unset_or_empty_variable_becomes_our_folder_alone(value):
    assert discovery.append_folder(value, Path("/ours")) == "/ours"


def test_our_folder_stands_behind_what_the_user_has_set():
    assert discovery.append_folder("/theirs:/more", Path("/ours")) == "/theirs:/more:/ours"


def test_a_trailing_separator_makes_no_empty_entry():
    assert discovery.append_folder("/theirs:", Path("/ours")) == "/theirs:/ours"


@pytest.mark.parametrize("value", ["/ours", "/ours/", "/theirs:/ours", "/ours:/theirs", "/theirs/../ours:/more"])
def test_our_folder_is_never_added_twice_nor_moved(value):
    assert discovery.append_folder(value, Path("/ours")) == value


def test_a_link_to_our_folder_counts_as_our_folder(tmp_path):
    ours = _make_trainers(tmp_path / "ours")
    link = tmp_path / "link"
    link.symlink_to(ours)
    assert discovery.append_folder(str(link), ours) == str(link)


def test_ensure_registered_sets_the_variable_once(installation):
    folder = _make_trainers(installation / "_trainers")
    assert discovery.ensure_registered() == folder
    assert discovery.ensure_registered() == folder
    assert os.environ[discovery.TRAINERS_VARIABLE] == str(folder)


def test_is_registered_follows_the_variable(installation, monkeypatch):
    _make_trainers(installation / "_trainers")
    assert not discovery.is_registered()
    discovery.ensure_registered()
    assert discovery.is_registered()


def test_register_is_silent_when_the_installation_is_incomplete(installation):
    discovery.register()
    assert "nnUNet_extTrainer" not in os.environ


def test_register_imports_nothing_heavy():
    code = (
        "import sys; from nnunet_cscn.nnunet.discovery import register; register();"
        "print([name for name in ('torch', 'numpy', 'nnunetv2', 'rich', 'typer') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert shown.stdout.strip() == "[]"


def test_importing_torch_registers_the_trainers_in_an_installed_environment():
    environment = {name: value for name, value in os.environ.items() if name != "nnUNet_extTrainer"}
    environment.pop("TORCH_DEVICE_BACKEND_AUTOLOAD", None)
    code = "import torch, os; print(os.environ.get('nnUNet_extTrainer'))"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, env=environment
    )
    assert Path(shown.stdout.strip()) == discovery.trainers_folder()
