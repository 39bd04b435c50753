import sys
from importlib import metadata

import pytest

from nnunet_cscn.diagnosis import packages


@pytest.fixture
def installed(monkeypatch):
    """Pretend that a distribution is installed in a given version."""
    versions = {}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(packages.metadata, "version", version)
    return versions


@pytest.mark.parametrize(
    ("version", "bounds", "fits"),
    [
        ("2.8.1", ">=2.8.1,<3", True),
        ("2.8.1", "<3,>=2.8.1", True),
        ("2.8.0", ">=2.8.1,<3", False),
        ("3.0.0", ">=2.8.1,<3", False),
        ("2.10", ">=2.9", True),
        ("2.5.0+cpu", ">=2.5", True),
        ("2.5", ">=2.5.0", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(installed, version, bounds, fits):
    installed["nnunetv2"] = version
    assert (packages.check_requirement(f"nnunetv2{bounds}").state == "ok") is fits


def test_a_package_within_its_bounds_is_fine(installed):
    installed["nnunetv2"] = "2.8.1"
    finding = packages.check_requirement("nnunetv2<3,>=2.8.1")
    assert (finding.subject, finding.state, finding.detail) == ("nnunetv2", "ok", "2.8.1")


def test_a_package_that_is_too_old_comes_with_the_command_to_run(installed):
    installed["nnunetv2"] = "2.5.1"
    finding = packages.check_requirement("nnunetv2<3,>=2.8.1")
    assert finding.state == "fault"
    assert "2.5.1, but <3,>=2.8.1 is needed" in finding.detail
    assert 'pip install "nnunetv2<3,>=2.8.1"' in finding.remedy


def test_a_missing_package_comes_with_the_command_to_run(installed):
    finding = packages.check_requirement("batchgeneratorsv2>=0.3.6")
    assert (finding.state, finding.detail) == ("fault", "not installed")
    assert 'pip install "batchgeneratorsv2>=0.3.6"' in finding.remedy


def test_all_our_requirements_are_looked_at_and_those_of_extras_are_not():
    subjects = [finding.subject for finding in packages.check_versions()]
    assert {"Python", "nnunet-cscn", "torch", "nnunetv2", "numpy", "scipy"} <= set(subjects)
    assert "pytest" not in subjects


def test_a_package_that_is_only_imported_from_a_folder_is_a_fault(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "requires", requires)
    assert packages.check_versions()[-1].state == "fault"


def _module_that_raises(monkeypatch, name, failure):
    def import_module(wanted):
        assert wanted == name
        raise failure

    monkeypatch.setattr(packages.importlib, "import_module", import_module)


def test_a_cuda_torchvision_beside_a_cpu_torch_is_recognised(monkeypatch):
    _module_that_raises(monkeypatch, "torchvision", RuntimeError("operator torchvision::nms does not exist"))
    finding = packages.check_import("torchvision")
    assert finding.state == "fault"
    assert "pip install --force-reinstall torch torchvision" in finding.remedy


def test_timm_that_breaks_because_of_torchvision_has_the_same_remedy(monkeypatch):
    _module_that_raises(monkeypatch, "timm", RuntimeError("operator torchvision::nms does not exist"))
    assert "torch torchvision" in packages.check_import("timm").remedy


def test_a_broken_backend_extension_of_torch_is_named(monkeypatch):
    failure = RuntimeError("Failed to load the backend extension: other. You can disable ...")
    failure.__cause__ = ModuleNotFoundError("No module named 'other'")
    _module_that_raises(monkeypatch, "torch", failure)
    finding = packages.check_import("torch")
    assert "No module named 'other'" in finding.detail
    assert "TORCH_DEVICE_BACKEND_AUTOLOAD=0" in finding.remedy


def test_any_other_failing_import_is_to_be_installed_again(monkeypatch):
    _module_that_raises(monkeypatch, "timm", ImportError("libfoo.so"))
    assert "pip install --force-reinstall timm" in packages.check_import("timm").remedy


def test_commands_of_another_environment_are_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(packages.shutil, "which", lambda name: str(tmp_path / name))
    (finding,) = packages.check_commands()
    assert finding.state == "note"
    assert "another environment" in finding.detail


def test_commands_of_this_environment_are_fine(monkeypatch, tmp_path):
    monkeypatch.setattr(packages.shutil, "which", lambda name: str(tmp_path / name))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert packages.check_commands()[0].state == "ok"


def test_commands_that_are_not_on_the_path_want_the_environment_activated(monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    assert "Activate the environment" in packages.check_commands()[0].remedy
