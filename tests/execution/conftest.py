import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write_command(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Return a function that puts a Python program with the name of a command first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(name: str, program: str, *, where: Path = folder) -> Path:
        file = where / name
        file.write_text(f"#!{sys.executable}\n{program}\n", encoding="utf-8")
        file.chmod(0o755)
        return file

    return write
