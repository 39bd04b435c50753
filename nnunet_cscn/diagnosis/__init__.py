"""Find out what works in an installation and name the remedy for what does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from nnunet_cscn.diagnosis.finding import Finding, fault


def diagnose() -> list[Finding]:
    """Run all checks; slow, because nnU-Net's own search for trainers imports its whole training code.

    Returns:
        What each check found, in the order in which it is best read. A check that fails itself is a fault of its own.
    """
    from nnunet_cscn.diagnosis import folders, hardware, packages, trainers

    checks: tuple[Callable[[], list[Finding]], ...] = (
        packages.check_versions,
        packages.check_commands,
        folders.check_folders,
        trainers.check_registration,  # before torch is imported, which registers them
        packages.check_imports,
        trainers.check_trainers,
        hardware.check_device,
        hardware.check_compile,
        hardware.check_shared_memory,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other packages' deprecations are nothing that a user could mend
        return [finding for check in checks for finding in _guarded(check)]


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as failure:  # one broken part must not hide what the other checks find
        name = check.__name__.removeprefix("check_")
        return [
            fault(
                name,
                f"{type(failure).__name__}: {failure}",
                "Solve the problems above first. If this one stays, report it.",
            )
        ]
