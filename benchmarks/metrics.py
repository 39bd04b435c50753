"""Compare the metrics of ``cscn evaluate`` (time and values) with other packages. Measure time and memory for folders.

Needs ``pip install .[peers]``. Each package computes the metrics that it has. All packages run alternately in one
process. Folders are evaluated by commands in separate processes.

Example: python benchmarks/metrics.py --rounds 20 --json runs/metrics.json
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from peers import PEERS

from nnunet_cscn.execution.commands import executable
from nnunet_cscn.files import write_json
from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.metrics.scores import score_masks

SHAPE, SPACING_MM = (103, 198, 160), (1.0, 1.0, 1.0)  # the paper's volumes
SHOWN = ("dsc", "assd_mm", "hd95_mm", "hd_mm", "nsd_2mm", "lesion_f1")


def main() -> None:
    arguments = _parse()
    warnings.simplefilter("ignore")
    report: dict[str, Any] = {"pairs": {}, "folders": {}}
    for name, (prediction, reference, spacing_mm) in _pairs().items():
        report["pairs"][name] = _measure_pair(prediction, reference, spacing_mm, arguments.rounds)
        print(f"\n{name}\n| package | ms, median (quartiles) | {' | '.join(SHOWN)} |\n|---|---|{'---|' * len(SHOWN)}")
        for package, found in report["pairs"][name].items():
            values = " | ".join(f"{found['values'][key]:.4f}" if key in found["values"] else "-" for key in SHOWN)
            low, median, high = found["ms_quartiles"]
            print(f"| {package} | {median:.1f} ({low:.1f} to {high:.1f}) | {values} |")
    report["folders"] = _measure_folders(arguments.folder_rounds)
    for name, found in report["folders"].items():
        print(f"{name}: {found}")
    write_json(arguments.json, report)


def _pairs() -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_], tuple[float, ...]]]:
    reference = _ball(SHAPE, (50, 100, 80), 18.0, SPACING_MM)
    prediction = _ball(SHAPE, (52, 101, 79), 17.5, SPACING_MM)
    far = prediction.copy()
    far[2, 3, 3] = far[100, 190, 150] = True
    coarse = (3.0, 0.8, 1.1)
    shape = (40, 80, 80)
    return {
        "36 mm tumours in 160 x 198 x 103 voxels": (prediction, reference, SPACING_MM),
        "the same with two far false positives": (far, reference, SPACING_MM),
        "half of a tumour, 1.1 x 0.8 x 3 mm": (
            _ball(shape, (20, 40, 40), 18.0, coarse) & (np.arange(80) < 40),
            _ball(shape, (20, 40, 40), 18.0, coarse),
            coarse,
        ),
    }


def _ball(
    shape: tuple[int, ...], centre: tuple[int, ...], radius_mm: float, spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    squares = sum(((axis - c) * step) ** 2 for axis, c, step in zip(axes, centre, spacing_mm, strict=True))
    return np.asarray(squares <= radius_mm**2)


def _ours(prediction: Any, reference: Any, spacing_mm: Any) -> dict[str, float]:
    scores = score_masks(prediction, reference, spacing_mm)
    return {metric.key: metric.value(scores) for metric in metrics()}


def _measure_pair(prediction: Any, reference: Any, spacing_mm: Any, rounds: int) -> dict[str, Any]:
    packages: dict[str, Callable[..., dict[str, Any]]] = {"nnunet-cscn": _ours, **PEERS}
    ms: dict[str, list[float]] = {name: [] for name in packages}
    values = {name: package(prediction, reference, spacing_mm) for name, package in packages.items()}  # also warms up
    for _ in range(rounds):
        for name, package in packages.items():
            start = time.perf_counter()
            package(prediction, reference, spacing_mm)
            ms[name].append(1000 * (time.perf_counter() - start))
    return {
        name: {
            "ms_quartiles": statistics.quantiles(ms[name], n=4),
            "values": {key: float(value) for key, value in values[name].items() if np.isfinite(value)},
        }
        for name in packages
    }


def _measure_folders(rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_cases(folder, 24)
        here = [str(folder / "predictions"), str(folder / "references")]
        commands = {
            "cscn evaluate, 24 cases": [executable("cscn"), "evaluate", *here, "--json", str(folder / "scores.json")],
            "nnUNetv2_evaluate_folder, 24 cases": [
                *(executable("nnUNetv2_evaluate_folder"), here[1], here[0]),
                *("-djfile", str(folder / "dataset.json"), "-pfile", str(folder / "plans.json"), "-np", "2"),
            ],
        }
        seconds: dict[str, list[float]] = {command: [] for command in commands}
        for _ in range(rounds):
            for command, parts in commands.items():
                seconds[command].append(_run(parts)[0])
        for command, values in seconds.items():
            found[command] = {"s_median": statistics.median(values), "s_range": [min(values), max(values)]}
        for count in (24, 1000):
            _write_cases(folder, count)
            found[f"peak memory of {count} cases (MiB)"] = _run(commands["cscn evaluate, 24 cases"])[1]
    return found


def _run(command: list[str]) -> tuple[float, float]:
    """Run a command in a separate process. Return its time in seconds and its peak memory in MiB."""
    program = (
        "import resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, *command], check=True, capture_output=True, encoding="utf-8"
    )
    seconds, mebibytes = map(float, output.stdout.split())
    return seconds, mebibytes


def _write_cases(folder: Path, count: int) -> None:
    """Write one pair of files under many names."""
    prediction, reference, _ = next(iter(_pairs().values()))
    for role, mask in (("predictions", prediction), ("references", reference)):
        (folder / role).mkdir(exist_ok=True)
        first = folder / role / "case_0000.nii.gz"
        if not first.exists():
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(mask.astype(np.uint8)), str(first))
        for number in range(1, count):
            link = folder / role / f"case_{number:04d}.nii.gz"
            if not link.exists():
                os.link(first, link)
    labels = {"background": 0, "GTVp": 1}
    write_json(folder / "dataset.json", {"labels": labels, "file_ending": ".nii.gz", "channel_names": {"0": "MR"}})
    plans = {
        "dataset_name": "x",
        "plans_name": "x",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
    }
    write_json(folder / "plans.json", {**plans, "configurations": {}})


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="of the pairs")
    parser.add_argument("--folder-rounds", type=int, default=5, help="of the folders")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
