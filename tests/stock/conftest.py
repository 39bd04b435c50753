from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nnunet_cscn.execution.commands import environment, run_command


@pytest.fixture(scope="session")
def runner() -> Callable[[Path], Callable[..., str]]:
    """Return a function that, for a folder of nnU-Net's three, returns one that runs a command to its end.

    That one returns what the command printed; keywords are further variables of its environment.
    """

    def runner_below(root: Path) -> Callable[..., str]:
        variables = environment(root, nnUNet_n_proc_DA="0", nnUNet_def_n_proc="1", OMP_NUM_THREADS="1")
        variables.pop("nnUNet_extTrainer", None)  # what the installation itself does has to be enough

        def run(*command: str, **changes: str) -> str:
            log_file = root / "log.txt"
            run_command(command, log_file, env={**variables, **changes})
            return log_file.read_text(encoding="utf-8")

        return run

    return runner_below
