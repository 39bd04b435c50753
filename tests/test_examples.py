"""The examples of the documentation run."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs_and_prints_something(example, capsys):
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out
