"""The problems that methods are compared on, and the arms of each: a trainer with its configuration.

All arms of a problem have the same CPU time for training; calibrate.py measures how many iterations that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One method.

    Attributes:
        trainer: nnU-Net's or ours, or one of controls.py.
        options: Arguments of one.py besides: patch size, features, options of the method.
        configuration: The preprocessed configuration that it derives its own from; None for the problem's.
        plans: The plans that hold it.
        what: A few words for the table.
    """

    trainer: str
    options: str
    what: str
    configuration: str | None = None
    plans: str = "nnUNetPlans"


@dataclass(frozen=True)
class Problem:
    """A data set on a grid, with a budget.

    Attributes:
        dataset: Its number.
        configuration: The preprocessed configuration.
        minutes: CPU minutes of the training at budget 1.
        arms: By name; the first is what the others are compared to.
        folds: Folds to run.
    """

    dataset: int
    configuration: str
    minutes: float
    arms: Mapping[str, Arm]
    folds: tuple[int, ...] = (0, 1, 2, 3, 4)
    what: str = ""


def _arms(patch: str, window: str, features: int, pooling: str, block: str, coarser: tuple[str, str]) -> dict[str, Arm]:
    """Return the arms of a problem.

    Args:
        patch: nnU-Net's usual patch for this budget.
        window: The whole image, which the cascade sees.
        features: Channels at full resolution.
        pooling: By how much the coarse half pools the window.
        block: Voxels of the fine half's blocks.
        coarser: The configuration of the coarser grid, and its patch, the whole image.
    """
    width = f"--features {features} --max-features {8 * features} --batch-size 2"
    half = f"--features {features // 2} --max-features {4 * features} --batch-size 2"
    coarse = f"--patch-size {window} {width} --set coarse.pooling={pooling}"
    cascade = f"{coarse} --set fine.block_size={block}"
    return {
        "stock": Arm("nnUNetTrainer", f"--patch-size {patch} {width}", "nnU-Net"),
        "half_width": Arm("nnUNetTrainer", f"--patch-size {patch} {half}", "nnU-Net, half as wide"),
        "window": Arm("nnUNetTrainer", f"--patch-size {window} {width}", "nnU-Net on the window"),
        "coarser": Arm(
            "nnUNetTrainer", f"--patch-size {coarser[1]} {width}", "nnU-Net, coarser grid", configuration=coarser[0]
        ),
        "resenc": Arm(
            "nnUNetTrainer", f"--patch-size {patch} {width}", "nnU-Net ResEncM", plans="nnUNetResEncUNetMPlans"
        ),
        "coarse_half": Arm("CoarseHalfTrainer", coarse, "coarse half alone"),
        "cscn_one_resolution": Arm(
            "CSCNTrainer",
            f"--patch-size {patch} {width} --set coarse.resolution=full --set loss.normalised=false --set fusion=mean",
            "CSCN as it was",
        ),
        "cscn": Arm("CSCNTrainer", cascade, "CSCN"),
    }


PROBLEMS: Mapping[str, Problem] = {
    "lgg_4mm": Problem(
        905, "3d_scaled", 6.5, _arms("32,32,32", "32,64,64", 12, "[2,2,2]", "[16,16,16]", ("3d_8mm", "16,32,32")),
        what="lgg_mr at 4 x 4 x 4 mm",
    ),
    "lgg_2mm": Problem(
        905, "3d_fullres", 17.0, _arms("32,64,64", "32,128,128", 16, "[2,4,4]", "[16,32,32]", ("3d_8mm", "16,32,32")),
        what="lgg_mr at its own grid, 4.06 x 2 x 2 mm",
    ),
}  # fmt: skip
