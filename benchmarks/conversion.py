"""Measure the time to fill contours, compared with other packages, and the time to convert the real cases.

All methods to fill contours run alternately in one process, on the 40 slices of 512 x 512 pixels of a real oblique
series. Each converter runs as a command in a separate process; its time includes start-up and pictures.

Example: python benchmarks/conversion.py downloads --rounds 10 --json runs/conversion.json
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skimage.draw
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.stack import Floats, Stack
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.execution.commands import executable
from nnunet_cscn.files import write_json

Fill = Callable[[Sequence[Floats], Stack], NDArray[np.bool_]]


def main() -> None:
    arguments = _parse()
    report = {
        "fill": _measure_filling(arguments.data / "sts_raw_dicom" / "MR_T1", arguments.rounds),
        "commands": _measure_commands(arguments.data, arguments.command_rounds),
    }
    print("| 40 slices of 512 x 512 | s, median (smallest to largest) | voxels |\n|---|---|---|")
    for name, found in report["fill"].items():
        low, median, high = found["s"]
        print(f"| {name} | {median:.3f} ({low:.3f} to {high:.3f}) | {found['voxels']} |")
    print("\n| command | s, median (smallest to largest) |\n|---|---|")
    for name, (low, median, high) in report["commands"].items():
        print(f"| {name} | {median:.1f} ({low:.1f} to {high:.1f}) |")
    write_json(arguments.json, report)


def _measure_filling(folder: Path, rounds: int) -> dict[str, Any]:
    series, _ = image_series(read_headers(folder))
    structures = read_structures(folder / "mask" / "1-1.dcm")
    stack = series_of(structures, series).series.stack
    contours = structures.contours["GTV_Mass"]
    ways: dict[str, Fill] = {"nnunet-cscn": rasterise, "scikit-image": _by_scikit_image, "matplotlib": _by_matplotlib}
    voxels = {name: int(fill(contours, stack).sum()) for name, fill in ways.items()}  # also warms up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, fill in ways.items():
            start = time.perf_counter()
            fill(contours, stack)
            seconds[name].append(time.perf_counter() - start)
    return {name: {"s": _spread(seconds[name]), "voxels": voxels[name]} for name in ways}


def _by_scikit_image(contours: Sequence[Floats], stack: Stack) -> NDArray[np.bool_]:
    """Fill whole slices with scikit-image, one contour at a time."""

    def fill(pixels: Floats) -> NDArray[np.bool_]:
        return skimage.draw.polygon2mask(stack.shape[1:], pixels[:, ::-1])

    return _by_slices(contours, stack, fill)


def _by_matplotlib(contours: Sequence[Floats], stack: Stack) -> NDArray[np.bool_]:
    """Fill whole slices with matplotlib's point test, one contour at a time."""
    _, rows, columns = stack.shape
    centres = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)

    def fill(pixels: Floats) -> NDArray[np.bool_]:
        return Polygon(pixels).contains_points(centres).reshape(rows, columns)

    return _by_slices(contours, stack, fill)


def _by_slices(
    contours: Sequence[Floats], stack: Stack, fill: Callable[[Floats], NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    mask = np.zeros(stack.shape, bool)
    for contour in contours:
        index = int(np.abs(np.asarray(stack.positions_mm) - stack.heights_mm(contour).mean()).argmin())
        mask[index] ^= fill(stack.pixel_coordinates(contour))
    return mask


def _measure_commands(data: Path, rounds: int) -> dict[str, tuple[float, float, float]]:
    dicom = ("dicom", str(data / "sts_mr_dicom"))
    commands = {
        "cscn convert sts, 41 cases": ("sts", str(data / "sts_mr")),
        "cscn convert dicom, 5 of them as DICOM": (*dicom, "--dataset-id", "950", "--roi", "GTV.*"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            with tempfile.TemporaryDirectory() as out:
                start = time.perf_counter()
                command = [executable("cscn"), "convert", *words, "--out", out]
                subprocess.run(command, check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - start)
    return {name: _spread(values) for name, values in seconds.items()}


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "data", type=Path, help="folder with sts_mr, sts_mr_dicom and sts_raw_dicom (docs/reference/public_data.md)"
    )
    parser.add_argument("--rounds", type=int, default=10, help="of filling")
    parser.add_argument("--command-rounds", type=int, default=3, help="of the commands")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
