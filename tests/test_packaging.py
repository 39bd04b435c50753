import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REPOSITORY = Path(__file__).resolve().parents[1]
SHIM = "nnunet_cscn/_trainers/nnunet_cscn_trainers.py"


def _build(kind: str, folder: Path) -> Path:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: install the extra [test]")
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    with zipfile.ZipFile(_build("wheel", tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder of installed packages that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def test_the_wheel_carries_the_trainers_inside_the_package(wheel):
    assert wheel.read(SHIM) == (REPOSITORY / "trainers" / "nnunet_cscn_trainers.py").read_bytes()


def test_the_wheel_installs_our_package_and_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"nnunet_cscn"}
    assert not [name for name in wheel.namelist() if name.endswith(".pyc")]
    assert "nnunet_cscn/py.typed" in wheel.namelist()


def test_the_wheel_names_the_command_and_the_entry_point_of_torch(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(name).decode()
    assert "[console_scripts]\ncscn = nnunet_cscn.cli.main:main" in text
    assert "[torch.backends]\nnnunet_cscn = nnunet_cscn.nnunet.discovery:register" in text


def test_an_installed_wheel_registers_its_own_copy_of_the_trainers(site):
    code = "from nnunet_cscn.nnunet.discovery import trainers_folder; print(trainers_folder())"
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": str(site)}
    shown = subprocess.run(command, cwd=site, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert Path(shown.stdout.strip()) == (site / SHIM).parent.resolve()


def test_nnunets_own_search_finds_the_trainers_of_an_installed_wheel(site):
    code = (
        "from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find; "
        "import sys; print(sys.modules[find('CSCNTrainer').__module__].__file__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("nnUNet_extTrainer", None)
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, cwd=site, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert shown.stdout.strip().splitlines()[-1] == str(site / "nnunet_cscn" / "training" / "cscn.py")


def test_the_source_archive_carries_what_a_wheel_is_built_from(tmp_path):
    with tarfile.open(_build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"trainers/nnunet_cscn_trainers.py", "nnunet_cscn/nnunet/discovery.py", "LICENSE", "README.md"} <= names


def _pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    return dict(line.split(" ;")[0].lower().split("==") for line in lines if line and not line.startswith("#"))


def test_every_direct_dependency_is_pinned_within_its_bounds():
    """The packages of `[peers]` are left out: some want older versions of what is pinned here."""
    pins = _pins()
    for requirement in metadata.requires("nnunet-cscn") or []:
        needed = Requirement(requirement)
        if needed.name != "nnunet-cscn" and "peers" not in str(needed.marker):
            assert needed.specifier.contains(pins[needed.name.lower()]), requirement


def test_every_pinned_version_exists_for_the_oldest_python():
    """What has left an old Python behind is not pinned there, or nothing could be installed on it."""
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (REPOSITORY / "pyproject.toml").read_text("utf-8"))
    for line in (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            try:
                pythons = SpecifierSet(metadata.metadata(pin.name)["Requires-Python"] or "")
            except metadata.PackageNotFoundError:
                continue
            is_left_out = pin.marker is not None and not pin.marker.evaluate({"python_version": oldest})
            assert is_left_out or pythons.contains(f"{oldest}.0"), line


def test_the_oldest_supported_nnunetv2_is_the_one_that_is_tested():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")  # Python 3.10 has no tomllib
    (needed,) = re.findall(r'"nnunetv2>=([\d.]+),', text)
    assert re.findall(r'"nnunetv2==([\d.]+)"', text) == [needed]
