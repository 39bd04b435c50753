import json
import subprocess
import sys

PROGRAM = """
import json, sys
import nnunet_cscn
import typer
from typer.testing import CliRunner
from nnunet_cscn.cli.main import app

def walk(command, path):
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, [*path, name])

shown = {}
for path in walk(typer.main.get_command(app), []):
    result = CliRunner().invoke(app, [*path, "--help"])
    shown[" ".join(path)] = [result.exit_code, result.output]
names = ("torch", "nnunetv2", "SimpleITK", "scipy", "matplotlib", "plotly", "jinja2", "skimage", "PIL")
heavy = [name for name in names if name in sys.modules]
json.dump({"shown": shown, "heavy": heavy}, sys.stdout)
"""


def test_every_help_is_shown_and_imports_nothing_heavy():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=True)
    content = json.loads(run.stdout)
    assert {"", "demo", "plan", "weights from-bunet", "convert sts", "convert hippocampus"} <= content["shown"].keys()
    for command, (status, output) in content["shown"].items():
        assert status == 0, command
        assert "Usage:" in output, command
        assert "Example: " in output or "COMMAND [ARGS]" in output, command
    assert content["heavy"] == []
    for command in ("phantom", "convert dicom", "predict-dicom"):  # OUT was an argument in earlier versions
        assert "OUT" not in usage_line(content["shown"][command][1])
    panels = ("Data", "Training", "Prediction", "Evaluation", "The paper", "Help")
    places = [content["shown"][""][1].index(f" {panel} ─") for panel in panels]
    assert places == sorted(places)


def usage_line(text):
    return next(line for line in text.splitlines() if "Usage:" in line)
