"""Check an installation and say how to correct problems."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from nnunet_cscn.diagnosis.finding import Finding, fault


def diagnose() -> list[Finding]:
    """Run all checks. This is slow, because nnU-Net's search for trainers imports all its training code.

    Returns:
        The findings of all checks, in reading order. If a check itself fails, this is reported as a fault.
    """
    from nnunet_cscn.diagnosis import folders, hardware, packages, trainers

    checks: tuple[Callable[[], list[Finding]], ...] = (
        packages.check_versions,
        packages.check_commands,
        folders.check_folders,
        trainers.check_registration,  # before the import of torch, which registers them
        packages.check_imports,
        trainers.check_trainers,
        hardware.check_device,
        hardware.check_compile,
        hardware.check_shared_memory,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # users cannot correct deprecations of other packages
        return [finding for check in checks for finding in _run_check(check)]


def _run_check(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as failure:  # one failed check must not hide the others
        name = check.__name__.removeprefix("check_")
        return [
            fault(
                name,
                f"{type(failure).__name__}: {failure}",
                "Solve the problems above first. If this one stays, report it.",
            )
        ]
