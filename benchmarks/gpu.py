"""All that needs a GPU, in one call of at most nine minutes: losses, memory, step and prediction times, two ranks.

Every trainer is checked in a process of its own: its losses against those of the CPU, in mixed precision, compiled and
not; its memory against the planner's estimate; its steps and predictions, timed. What is done is written at once, so
nothing is lost where the time ends. ``--dry-run`` does the same with a handful of voxels on the CPU.

Example: python benchmarks/gpu.py --json runs/gpu.json --table runs/gpu.md
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from on_gpu.table import markdown

from nnunet_cscn.files import write_json, write_text

HERE = Path(__file__).resolve().parent
TRAINERS = (  # in the order of what one wants to know first
    *("CSCNTrainer", "nnUNetTrainer", "CSCNStagedTrainer", "BUNetTrainer", "ACDNetTrainer"),
    *("CSCNTrainer:full", "VNetTrainer", "DeepLabTrainer", "CNNTrainer"),
)
RANKS_SECONDS = 60  # kept for the two ranks


def main() -> int:
    arguments = _parse()
    end = time.monotonic() + 60 * arguments.minutes
    report: dict[str, Any] = {"machine": _machine(arguments), "trainers": {}, "ranks": {"skipped": "no time was left"}}
    for number, name in enumerate(TRAINERS):
        left = end - time.monotonic() - RANKS_SECONDS
        share = left / (len(TRAINERS) - number)
        allowed = min(left, 2.5 * share)  # the first ones compile first, and are wanted most
        report["trainers"][name] = _child("trainer_check", name, allowed, arguments)
        _write(report, arguments)
    report["ranks"] = _child("ranks", "CSCNTrainer", end - time.monotonic(), arguments)
    _write(report, arguments)
    print(markdown(report))
    failed = [name for name, result in report["trainers"].items() if result.get("failed")]
    failed += ["ranks"] if report["ranks"].get("failed") else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for everything")
    parser.add_argument("--steps", type=int, default=20, help="timed steps")
    parser.add_argument("--dry-run", action="store_true", help="a handful of voxels on the CPU, to try this program")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"), help="file to write")
    parser.add_argument("--table", type=Path, help="file for the table of docs/BENCHMARKS.md")
    arguments = parser.parse_args()
    if arguments.dry_run:
        arguments.device, arguments.steps = "cpu", 2
    return arguments


def _child(module: str, name: str, seconds: float, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one check in a process of its own, so that a crash or a full GPU ends nothing else."""
    if seconds < 1:
        return {"skipped": "no time was left"}
    command = [sys.executable, "-m", f"on_gpu.{module}", name, arguments.device, str(arguments.steps)]
    command += ["tiny" if arguments.dry_run else "planned", str(seconds)]
    print(f"{name}: at most {seconds:.0f} s", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, encoding="utf-8", timeout=seconds + 5, check=False
        )
        output, problem = done.stdout, f"status {done.returncode}: {done.stderr.strip()[-2000:]}"
        is_failed = done.returncode != 0
    except subprocess.TimeoutExpired as late:
        output, problem, is_failed = _text(late.stdout), "", False
    result = _last_json(output)
    if is_failed:
        result["failed"] = problem
    elif not result:
        result = {"skipped": "no time was left"}
    return {**result, "wall_s": round(time.monotonic() - started, 1)}


def _last_json(output: str) -> dict[str, Any]:
    """Return the last complete line of JSON: a check prints all that it knows after each of its parts."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                found: dict[str, Any] = json.loads(line)
            except ValueError:  # cut off by the time's end
                continue
            return found
    return {}


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _machine(arguments: argparse.Namespace) -> dict[str, Any]:
    import torch

    found = {"python": platform.python_version(), "torch": torch.__version__, "device": arguments.device}
    if arguments.device == "cuda":
        if not torch.cuda.is_available():
            sys.exit("torch sees no GPU: run this on a machine with one, or give --dry-run to try the program")
        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "gpu_gib": round(properties.total_memory / 2**30, 1)}
        found |= {"gpus": torch.cuda.device_count(), "cuda": torch.version.cuda or ""}
    return found


def _write(report: dict[str, Any], arguments: argparse.Namespace) -> None:
    write_json(arguments.json, report)
    if arguments.table is not None:
        write_text(arguments.table, markdown(report) + "\n")


if __name__ == "__main__":
    sys.exit(main())
