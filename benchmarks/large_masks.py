"""Score one pair of large masks with each package: CPU time and peak memory, each package in a process of its own.

Needs ``pip install .[peers]``. Each package computes the metrics that it has, ours all of them. A package that needs
more memory than ``--limit`` allows is stopped.

Example: python benchmarks/large_masks.py --rounds 3 --json runs/large_masks.json
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import PEERS

from nnunet_cscn.evaluation.volumes import score_volumes
from nnunet_cscn.files import write_json

SPACING_MM = (1.0, 0.5, 0.5)
RADII = {"a body": (0.475, 0.47, 0.49), "a tumour": (0.05, 0.06, 0.06)}  # of the ellipsoids, in parts of the volume
OURS = "nnunet-cscn"
HEADING = "| package | CPU s, median (smallest to largest) | peak memory (GiB) | times the masks |\n|---|---|---|---|"


def main() -> None:
    arguments = _parse()
    if arguments.package:
        print(json.dumps(_measure(arguments.package, arguments.kind, arguments.shape)))
        return
    results: dict[str, Any] = {}
    for kind in RADII:
        print(f"\n{kind}\n{HEADING}")
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in (OURS, *PEERS)}
        for _ in range(arguments.rounds):
            for name, found in rounds.items():
                found.append(_in_own_process(name, kind, arguments))
        results[kind] = rounds
        for name, found in rounds.items():
            print(_row(name, found))
    if arguments.json:
        write_json(arguments.json, {"shape": arguments.shape, "pairs": results})


def _in_own_process(package: str, kind: str, arguments: argparse.Namespace) -> dict[str, Any]:
    limit = int(arguments.limit * 2**30)
    shape = [str(edge) for edge in arguments.shape]
    done = subprocess.run(
        [sys.executable, __file__, "--package", package, "--kind", kind, "--shape", *shape],
        capture_output=True,
        encoding="utf-8",
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    if done.returncode == 0:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    if not any(word in done.stderr for word in ("MemoryError", "bad_alloc", "allocate memory")):
        raise SystemExit(f"{package}: {last}")
    return {"failure": last}


def _measure(package: str, kind: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    prediction, reference = _ellipsoid(shape, kind, shift=3), _ellipsoid(shape, kind, shift=0)
    if package != OURS:
        small = _ellipsoid((16, 16, 16), "a body", shift=0) > 0
        PEERS[package](small, small, SPACING_MM)  # imports are not timed
    start = time.process_time()
    if package == OURS:
        score_volumes(prediction, reference, SPACING_MM)
    else:
        PEERS[package](prediction.view(np.bool_), reference.view(np.bool_), SPACING_MM)
    return {
        "cpu_seconds": time.process_time() - start,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "masks_gib": (prediction.nbytes + reference.nbytes) / 2**30,
    }


def _ellipsoid(shape: tuple[int, int, int], kind: str, shift: int) -> NDArray[np.uint8]:
    """Return an ellipsoid in the middle of a volume, moved by some voxels along each axis."""
    parts = [
        ((np.arange(edge) - shift - edge / 2) / (edge * radius)) ** 2
        for edge, radius in zip(shape, RADII[kind], strict=True)
    ]
    mask = np.zeros(shape, np.uint8)
    in_plane = parts[1][:, None] + parts[2]
    for z, height in enumerate(parts[0]):
        mask[z] = in_plane + height < 1
    return mask


def _row(package: str, found: list[dict[str, Any]]) -> str:
    if "failure" in found[0]:
        return f"| {package} | - | more than the limit | - |"
    seconds = [each["cpu_seconds"] for each in found]
    peak = max(each["peak_gib"] for each in found)
    spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
    return f"| {package} | {spread} | {peak:.2f} | {peak / found[0]['masks_gib']:.1f} |"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 1024, 1024), help="slices, rows, columns")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=20.0, help="GiB of address space for each process")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--package", choices=(OURS, *PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=tuple(RADII), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.shape = tuple(arguments.shape)
    return arguments


if __name__ == "__main__":
    main()
