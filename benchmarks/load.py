"""Run the commands that take folders of cases on many of them, and measure time and memory of each command.

The cases are small (12 x 32 x 32 voxels), so that the time is that of the work for each case and not of the metrics.

Example: python benchmarks/load.py --cases 1000 5000 --labels 2 --json load.json
Example: python benchmarks/load.py --cases 200 --labels 60
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nnunet_cscn.files import write_json
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.writing import write_volume

SHAPE = (12, 32, 32)
SPACING_MM = (3.0, 1.0, 1.0)
FOLDERS = ("reference", "first", "second")


def main() -> None:
    arguments = _parse()
    results = []
    for n_cases in arguments.cases:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            root = Path(folder)
            _write_cases(root, n_cases, arguments.labels)
            for name, command in _commands(root, arguments.labels).items():
                if arguments.only and name not in arguments.only:
                    continue
                measured = {"command": name, "cases": n_cases, "labels": arguments.labels, **_measured(command)}
                print(
                    "{command:14} {cases:6} cases {labels:3} labels {seconds:8.1f} s {peak_mb:7.0f} MB".format(
                        **measured
                    )
                )
                results.append(measured)
    if arguments.json:
        write_json(arguments.json, results)


def _write_cases(root: Path, n_cases: int, n_labels: int) -> None:
    generator = np.random.default_rng(0)
    grid = Grid(SHAPE[::-1], SPACING_MM[::-1], (0.0, 0.0, 0.0), tuple(np.eye(3).ravel().tolist()))
    for folder in (*FOLDERS, "images"):
        (root / folder).mkdir()
    for number in tqdm(range(n_cases), desc="cases", disable=None):
        case = f"case_{number:05d}"
        reference = _blocks(generator, n_labels)
        for folder in FOLDERS:
            voxels = reference if folder == "reference" else np.roll(reference, generator.integers(0, 2, 3), (0, 1, 2))
            write_volume(root / folder / f"{case}.nii.gz", voxels, grid)
        write_volume(root / "images" / f"{case}_0000.nii.gz", (reference > 0).astype(np.int16) * 100, grid)
    names = {"background": 0, **{f"label_{number:02d}": number for number in range(1, n_labels + 1)}}
    write_json(root / "dataset.json", {"labels": names, "file_ending": ".nii.gz", "channel_names": {"0": "MRI"}})


def _blocks(generator: np.random.Generator, n_labels: int) -> NDArray[np.uint8]:
    """Return a label map with a small block of each label."""
    voxels = np.zeros(SHAPE, np.uint8)
    for label in range(1, n_labels + 1):
        z, y, x = (int(generator.integers(1, edge - 6)) for edge in SHAPE)
        voxels[z : z + 4, y : y + 5, x : x + 5] = label
    return voxels


def _commands(root: Path, n_labels: int) -> dict[str, list[str]]:
    reference, first, second = (str(root / name) for name in FOLDERS)
    named = ["--dataset-json", str(root / "dataset.json")]
    labels = [part for number in range(1, n_labels + 1) for part in ("--label", f"label_{number:02d}={number}")]
    patterns = ["--image", "MRI=images/{case}_0000.nii.gz", "--labels", "reference/{case}.nii.gz", *labels]
    return {
        "evaluate": ["evaluate", first, reference, *named, "--json", str(root / "scores.json")],
        "compare": ["compare", first, second, "--reference", reference, *named, "--json", str(root / "compared.json")],
        "observers": ["observers", first, second, reference, *named, "--json", str(root / "observers.json")],
        "report": ["report", first, reference, *named, "--images", str(root / "images"), "-o", str(root / "page.html")],
        "convert nifti": ["convert", "nifti", str(root), "-o", str(root / "raw"), "--dataset-id", "960", *patterns],
    }


def _measured(command: list[str]) -> dict[str, Any]:
    """Run a command in a process of its own; return its wall time, CPU time, and peak memory."""
    watch = (
        "import json, resource, subprocess, sys, time; start = time.monotonic(); "
        "status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(json.dumps({'status': status, 'seconds': time.monotonic() - start, "
        "'cpu_seconds': used.ru_utime + used.ru_stime, 'peak_mb': used.ru_maxrss / 1024}))"
    )
    line = [sys.executable, "-c", watch, sys.executable, "-m", "nnunet_cscn.cli.main", *command]
    done = subprocess.run(line, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    if measured.pop("status"):
        raise SystemExit(f"`cscn {' '.join(command)}` failed")
    return measured


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--labels", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="commands to run, such as evaluate")
    parser.add_argument("--folder", type=Path, help="folder for the cases, which are removed at the end")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
