"""The problems that methods are compared on, and the arms of each: a trainer with its configuration.

All arms of a problem have the same CPU time for training; calibrate.py measures how many iterations that is. Where only
parts of one method are compared, all have the same iterations.
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
        what: A few words for the table.
        configuration: The preprocessed configuration that it derives its own from; None for the problem's.
        plans: The plans that hold it.
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
        minutes: CPU minutes of the training at budget 1, or None for a fixed number of iterations.
        arms: By name; the first is what the others are compared to.
        iterations: Iterations of every arm where ``minutes`` is None.
        folds: Folds to run.
        what: A few words for the table.
    """

    dataset: int
    configuration: str
    minutes: float | None
    arms: Mapping[str, Arm]
    iterations: int = 0
    folds: tuple[int, ...] = (0, 1, 2, 3, 4)
    what: str = ""


@dataclass(frozen=True)
class Sizes:
    """The sizes that the arms of a problem share.

    Attributes:
        patch: nnU-Net's usual patch for this budget.
        window: The whole image, which the cascade sees.
        features: Channels at full resolution.
        pooling: By how much the coarse half pools the window.
        block: Voxels of the fine half's blocks.
        coarser: The configuration of about half the resolution, the patch that shows the window on it, and its spacing.
    """

    patch: str
    window: str
    features: int
    pooling: str
    block: str
    coarser: tuple[str, str, str] | None = None

    @property
    def width(self) -> str:
        return f"--features {self.features} --max-features {8 * self.features} --batch-size 2"

    @property
    def half_width(self) -> str:
        return f"--features {self.features // 2} --max-features {4 * self.features} --batch-size 2"

    @property
    def coarse(self) -> str:
        return f"--patch-size {self.window} {self.width} --set coarse.pooling={self.pooling}"

    @property
    def cascade(self) -> str:
        return f"{self.coarse} --set fine.block_size={self.block}"


LGG_4MM = Sizes("32,32,32", "32,64,64", 12, "[2,2,2]", "[16,16,16]", ("3d_8mm", "16,32,32", "8 mm"))
LGG_2MM = Sizes("32,64,64", "32,128,128", 16, "[2,4,4]", "[16,32,32]", ("3d_scaled", "32,64,64", "4 mm"))
NPC = Sizes("32,48,48", "32,64,64", 12, "[2,2,2]", "[16,16,16]")
HIPPOCAMPUS = Sizes("40,56,40", "40,56,40", 12, "[2,2,2]", "[16,16,16]")


FAST = (
    "--set fine.growth=0.25 --set fine.dense_layers=2 --set fine.bottleneck=0 --set fine.pyramid_width=1 "
    "--set fine.activation=after --set fine.skips=add"
)


def methods(sizes: Sizes) -> dict[str, Arm]:
    """Return nnU-Net, the cascade, and the controls that could take its gain for themselves."""
    stock = f"--patch-size {sizes.patch} {sizes.width}"
    printed = "--set coarse.resolution=full --set loss.normalised=false --set fusion=mean"
    arms = {
        "stock": Arm("nnUNetTrainer", stock, "nnU-Net"),
        "half_width": Arm("nnUNetTrainer", f"--patch-size {sizes.patch} {sizes.half_width}", "nnU-Net, half as wide"),
        "window": Arm("nnUNetTrainer", f"--patch-size {sizes.window} {sizes.width}", "nnU-Net on the window"),
        "resenc": Arm("nnUNetTrainer", stock, "nnU-Net ResEncM", plans="nnUNetResEncUNetMPlans"),
        "coarse_half": Arm("CoarseHalfTrainer", sizes.coarse, "coarse half alone"),
        "cscn_one_resolution": Arm("CSCNTrainer", f"{stock} {printed}", "CSCN as it was"),
        "cscn": Arm("CSCNTrainer", sizes.cascade, "CSCN"),
        "cscn_wide": Arm("CSCNTrainer", f"{sizes.cascade} --set fine.width=1", "CSCN, wider ACDNet"),
        "cscn_fast": Arm("CSCNTrainer", f"{sizes.cascade} {FAST}", "CSCN, faster ACDNet"),
    }
    if sizes.coarser is not None:
        configuration, patch, spacing = sizes.coarser
        arms["coarser"] = Arm(
            "nnUNetTrainer", f"--patch-size {patch} {sizes.width}", f"nnU-Net, {spacing} grid", configuration
        )
    return arms


def parts(sizes: Sizes) -> dict[str, Arm]:
    """Return the cascade, and the cascade with one part changed at a time."""
    changed = {
        "plan_norm": ("instance normalisation on blocks", "--set fine.norm=plan"),
        "from_nothing": ("starts from nothing", "--set fine.corrects=false"),
        "no_features": ("probabilities only", "--set fine.sees_features=false"),
        "not_detached": ("not detached", "--set fine.detached=false"),
        "one_block": ("1 block a sample", "--set fine.blocks_per_sample=1"),
        "four_blocks": ("4 blocks a sample", "--set fine.blocks_per_sample=4"),
        "large_blocks": ("blocks of 16x32x32", "--set fine.block_size=[16,32,32]"),
        "all_random": ("all blocks at random", "--set fine.random_share=1"),
        "none_random": ("no block at random", "--set fine.random_share=0"),
        "learned_stem": ("learned stem", "--set coarse.stem=learned"),
        "pooled_by_4": ("pooled by 2x4x4", "--set coarse.pooling=[2,4,4]"),
        "half_window": ("window of 32x32x32", "--patch-size 32,32,32"),
        "gamma_0": ("gamma 0", "--set loss.gamma=0"),
        "two_stages": ("2 fine stages", "--set fine.stages=2"),
        "four_stages": ("4 fine stages", "--set fine.stages=4"),
        "narrow": ("fine network half as wide", "--set fine.width=0.25"),
        "wide": ("fine network twice as wide", "--set fine.width=1"),
        "fast": ("faster ACDNet", FAST),
        "fast_3_layers": ("faster ACDNet, 3 layers", f"{FAST} --set fine.dense_layers=3"),
        "three_views": ("windows of three views", "--set three_views=true"),
    }
    arms = {"cscn": Arm("CSCNTrainer", sizes.cascade, "CSCN")}
    arms |= {name: Arm("CSCNTrainer", f"{sizes.cascade} {options}", what) for name, (what, options) in changed.items()}
    arms["averaged"] = Arm("AveragedCSCNTrainer", sizes.cascade, "weights averaged")
    return arms


def losses(sizes: Sizes) -> dict[str, Arm]:
    """Return the cascade with every form of the loss."""
    forms = {
        "dice_ce": ("Dice and cross-entropy", "--set loss.distance_weighting=false --set loss.gamma=0"),
        "dice_focal": ("Dice and focal loss", "--set loss.distance_weighting=false"),
        "printed": ("Eq. 7 as printed", "--set loss.normalised=false"),
        "capped": ("capped at 2 mm", "--set loss.normalised=false --set loss.distance_cap_mm=2"),
        "normalised": ("normalised", ""),
        "both": ("normalised and capped at 2 mm", "--set loss.distance_cap_mm=2"),
        "normalised_gamma_0": ("normalised, gamma 0", "--set loss.gamma=0"),
    }
    return {name: Arm("CSCNTrainer", f"{sizes.cascade} {options}", what) for name, (what, options) in forms.items()}


def _without(arms: dict[str, Arm], *names: str) -> dict[str, Arm]:
    return {name: arm for name, arm in arms.items() if name not in names}


PROBLEMS: Mapping[str, Problem] = {
    "lgg_4mm": Problem(905, "3d_scaled", 20.0, methods(LGG_4MM), what="lgg_mr at 4 x 4 x 4 mm"),
    "lgg_2mm": Problem(905, "3d_fullres", 17.0, methods(LGG_2MM), what="lgg_mr at its own grid, 4.06 x 2 x 2 mm"),
    "npc_synth": Problem(
        903, "3d_coarse", 10.0, _without(methods(NPC), "resenc"), what="npc_synth at 3 x 2 x 2 mm"
    ),
    "hippocampus": Problem(
        904, "3d_fullres", 10.0, _without(methods(HIPPOCAMPUS), "resenc", "window"), folds=(0, 1),
        what="hippocampus at 1 mm",
    ),
    "parts": Problem(
        905, "3d_scaled", None, parts(LGG_4MM), iterations=1500, folds=(0, 1, 2), what="lgg_mr at 4 x 4 x 4 mm"
    ),
    "loss_lgg": Problem(905, "3d_scaled", None, losses(LGG_4MM), iterations=1500, folds=(0, 1), what="lgg_mr at 4 mm"),
    "loss_npc_synth": Problem(903, "3d_coarse", None, losses(NPC), iterations=1000, folds=(0, 1), what="npc_synth"),
    "loss_hippocampus": Problem(
        904, "3d_fullres", None, losses(HIPPOCAMPUS), iterations=1000, folds=(0, 1), what="hippocampus"
    ),
}  # fmt: skip
