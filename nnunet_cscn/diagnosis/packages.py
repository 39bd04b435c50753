"""Check that the required packages are installed, recent enough and compatible."""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from nnunet_cscn import __version__
from nnunet_cscn.diagnosis.finding import Finding, fault, note, ok

_DISTRIBUTION = "nnunet-cscn"
_MATCH_TORCHVISION = (
    "torch and torchvision are different builds (CPU and CUDA). Install both from the same source: "
    "`pip install --force-reinstall torch torchvision`. The default build also works without a GPU."
)


def check_versions() -> list[Finding]:
    """Compare the installed packages with the requirements of nnunet-cscn."""
    found = [ok("Python", platform.python_version())]
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        remedy = "Run `pip install .` in the folder of the repository."
        return [*found, fault(_DISTRIBUTION, f"{__version__}, imported from a folder but not installed", remedy)]
    found.append(ok(_DISTRIBUTION, __version__))
    return found + [check_requirement(requirement) for requirement in requirements if ";" not in requirement]


def check_requirement(text: str) -> Finding:
    """Check one requirement from the package metadata.

    Args:
        text: A name with version bounds, such as ``"nnunetv2<3,>=2.8.1"``.
    """
    requirement = Requirement(text)
    name, bounds = requirement.name, requirement.specifier
    remedy = f'Run `pip install "{text}"`.'
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return fault(name, "not installed", remedy)
    if not bounds.contains(version, prereleases=True):
        return fault(name, f"{version}, but {bounds} is needed", remedy)
    return ok(name, version)


def check_imports() -> list[Finding]:
    """Import packages that nnU-Net's search for trainers needs and that are often broken."""
    return [check_import(name) for name in ("torch", "torchvision", "timm")]


def check_commands() -> list[Finding]:
    """Check that nnU-Net's commands on the path belong to this environment."""
    subject, here = "nnUNetv2_train", Path(sys.executable).parent
    found = shutil.which(subject)
    if found is None:
        return [note(subject, "not on the path", f"Activate the environment: `source {here / 'activate'}`.")]
    if Path(found).parent != here:
        detail = f"{found} is from another environment, not from {here}"
        return [note(subject, detail, "Activate the environment in which nnunet-cscn is installed.")]
    return [ok(subject, found)]


def check_import(name: str) -> Finding:
    """Import one module and report the problem if this fails."""
    subject = f"import {name}"
    try:
        module = importlib.import_module(name)
    except Exception as failure:
        detail = f"{type(failure).__name__}: {failure}"
        if "torchvision::" in str(failure):
            return fault(subject, detail, _MATCH_TORCHVISION)
        if "Failed to load the backend extension" in str(failure):
            remedy = "Reinstall the extension named here, or run `export TORCH_DEVICE_BACKEND_AUTOLOAD=0`."
            return fault(subject, f"{detail} ({failure.__cause__})", remedy)
        return fault(subject, detail, f"Run `pip install --force-reinstall {name}`.")
    return ok(subject, str(getattr(module, "__version__", "works")))
