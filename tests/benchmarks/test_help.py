import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

PROGRAM = """
import contextlib, io, json, runpy, sys
from pathlib import Path

outcomes = {}
for name in sys.argv[1:]:
    sys.argv, sys.path[0], shown = [name, "--help"], str(Path(name).parent), io.StringIO()
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            runpy.run_path(name, run_name="__main__")
    except SystemExit as leaving:
        outcomes[name] = f"{leaving.code}: {shown.getvalue()}"
    except Exception as fault:
        outcomes[name] = repr(fault)
print(json.dumps(outcomes))
"""


def test_every_script_shows_its_help():
    """All in one process, as most of them import torch."""
    scripts = [str(file) for file in sorted(BENCHMARKS.rglob("*.py")) if "ArgumentParser(" in file.read_text("utf-8")]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *scripts], capture_output=True, encoding="utf-8", check=True)
    outcomes = json.loads(done.stdout)
    assert len(outcomes) == len(scripts) > 10
    assert {name: shown for name, shown in outcomes.items() if not shown.startswith("0: usage:")} == {}
