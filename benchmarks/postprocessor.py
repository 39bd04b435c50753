"""Compare the wall time of ``cscn cascade`` and ``nnUNetv2_predict`` with the same networks on the same cases.

nnU-Net's command runs once for each fold, on the validation images of the fold. So both commands predict each case once
with the same network. The script needs a trained stage one and makes its maps again.

Example: python benchmarks/postprocessor.py 902 3d_small --rounds 2
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from nnunet_cscn.cascade.manifest import stage_one_maps
from nnunet_cscn.cascade.stage_one import FINAL, StageOne
from nnunet_cscn.execution.commands import executable
from nnunet_cscn.nnunet.folders import raw_dataset


def main() -> None:
    arguments = _parse()
    stage_one = StageOne.find(
        arguments.dataset, arguments.configuration, trainer=arguments.trainer, plans="nnUNetPlans", checkpoint=FINAL
    )
    seconds: dict[str, list[float]] = {"cscn cascade": [], "nnUNetv2_predict": []}
    for _ in range(arguments.rounds):
        shutil.rmtree(stage_one_maps(stage_one).folder, ignore_errors=True)
        seconds["cscn cascade"].append(_timed("cscn", *stage_one.cascade_command().split()[1:], "--devices", "cpu"))
        seconds["nnUNetv2_predict"].append(_predict_all(stage_one))
    for name, values in seconds.items():
        print(f"{name:18} {statistics.median(values):.1f} s (from {min(values):.1f} to {max(values):.1f})")


def _predict_all(stage_one: StageOne) -> float:
    images = raw_dataset(stage_one.dataset) / "imagesTr"
    total = 0.0
    for fold, split in enumerate(stage_one.splits):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in"
            source.mkdir()
            for case in split["val"]:
                for file in images.glob(f"{case}_[0-9][0-9][0-9][0-9].*"):
                    (source / file.name).symlink_to(file)
            model = ("-d", stage_one.dataset, "-c", stage_one.configuration, "-tr", stage_one.trainer, "-f", str(fold))
            where = ("-i", str(source), "-o", str(Path(folder) / "out"), "-device", "cpu")
            total += _timed("nnUNetv2_predict", *where, *model)
    return total


def _timed(command: str, *options: str) -> float:
    start = time.perf_counter()
    subprocess.run([executable(command), *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("--trainer", default="BUNetTrainer")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
