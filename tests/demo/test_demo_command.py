"""`cscn demo` as a user runs it, with real synthetic data, training and prediction."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LAST_LINE = re.compile(r"dsc_mean (\d+\.\d\d) assd_mean_mm \d+\.\d\d f1_of_means \d+\.\d\d")


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "cscn"), "demo", "--out", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, env={**os.environ, "COLUMNS": "120"}
    )


@pytest.mark.slow
def test_it_learns_segments_scores_and_draws(tmp_path):
    folder = tmp_path / "demo"
    shown = run_demo(folder)
    assert shown.returncode == 0, shown.stderr
    last_line = LAST_LINE.fullmatch(shown.stdout.strip().splitlines()[-1])
    assert last_line, shown.stdout
    assert float(last_line[1]) >= 0.6
    cases = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 6
    assert {file.stem for file in (folder / "pictures").iterdir()} == cases.keys()
    assert all(case in (folder / "report.html").read_text(encoding="utf-8") for case in cases)

    again = run_demo(folder)  # all steps are finished: the same scores immediately
    assert again.returncode == 0, again.stderr
    assert again.stdout == shown.stdout
    other = run_demo(folder, "--seed", "1")
    assert other.returncode == 2
    assert "demo with different settings" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_folder_of_something_else_ends_with_status_2(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    shown = run_demo(tmp_path)
    assert shown.returncode == 2
    assert "is not empty and contains no demo" in shown.stderr
    assert "Traceback" not in shown.stderr
