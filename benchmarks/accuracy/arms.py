"""The benchmark problems, and the arms of each problem: a trainer with its configuration.

All arms of a problem get the same CPU time for training. calibrate.py measures the corresponding number of iterations.
If only parts of one method are compared, all arms get the same number of iterations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One method in a comparison.

    Attributes:
        trainer: A trainer of nnU-Net, of this package or of controls.py.
        options: Further arguments of one.py: patch size, features, options of the method.
        title: A few words for the table.
        configuration: The preprocessed configuration from which it inherits. None for that of the problem.
        plans: The plans with this configuration.
        timed_as: The arm whose measured seconds an iteration it takes, because their steps cost the same. None for its
            own.
        stage_one: The arm from whose out-of-fold probabilities it learns. staged.py runs both. None for a single stage.
    """

    trainer: str
    options: str
    title: str
    configuration: str | None = None
    plans: str = "nnUNetPlans"
    timed_as: str | None = None
    stage_one: str | None = None


@dataclass(frozen=True)
class Problem:
    """A data set with a grid and a training budget.

    Attributes:
        dataset: Number of the data set.
        configuration: The preprocessed configuration.
        minutes: CPU minutes of the training at budget 1. None for a fixed number of iterations.
        arms: The arms by name. The others are compared with the first one.
        iterations: Number of iterations of each arm if ``minutes`` is None.
        folds: The folds to run.
        title: A few words for the table.
    """

    dataset: int
    configuration: str
    minutes: float | None
    arms: Mapping[str, Arm]
    iterations: int = 0
    folds: tuple[int, ...] = (0, 1, 2, 3, 4)
    title: str = ""


@dataclass(frozen=True)
class Sizes:
    """The sizes that the arms of a problem share.

    Attributes:
        patch: nnU-Net's usual patch for this budget.
        window: The window of the cascade (the whole image).
        features: Channels at full resolution.
        pooling: Pooling factors of the coarse network.
        block: Block size of the fine network in voxels.
        coarser: A configuration with about half the resolution, the patch with the size of the window, and the spacing.
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

    @property
    def second_cascade(self) -> str:
        """The cascade with batch normalisation on blocks, which was the default until 2026-11-28."""
        return f"{self.cascade} --set fine.norm=batch"

    @property
    def first_cascade(self) -> str:
        """The cascade with the defaults until 2026-11-27."""
        return f"{self.second_cascade} --set coarse_weight=0.5"


LGG_4MM = Sizes("32,32,32", "32,64,64", 12, "[2,2,2]", "[16,16,16]", ("3d_8mm", "16,32,32", "8 mm"))
LGG_2MM = Sizes("32,64,64", "32,128,128", 16, "[2,4,4]", "[16,32,32]", ("3d_scaled", "32,64,64", "4 mm"))
NPC = Sizes("32,48,48", "32,64,64", 12, "[2,2,2]", "[16,16,16]")
STS = Sizes("32,40,40", "32,40,40", 16, "[2,2,2]", "[16,16,16]")
HIPPOCAMPUS = Sizes("40,56,40", "40,56,40", 12, "[2,2,2]", "[16,16,16]")


FAST = (
    "--set fine.growth=0.25 --set fine.dense_layers=2 --set fine.bottleneck=0 --set fine.pyramid_width=1 "
    "--set fine.activation=after --set fine.skips=add"
)
SLIM = "--set fine.pyramid_width=2 --set fine.activation=after --set fine.skips=add"
DICE_CE = "--set loss.gamma=0 --set loss.distance_weighting=false"


def methods(sizes: Sizes) -> dict[str, Arm]:
    """Return nnU-Net, the cascade, and controls that could explain the gain of the cascade.

    "First" and "second" CSCN are those of earlier defaults.
    """
    stock = f"--patch-size {sizes.patch} {sizes.width}"
    printed = "--set coarse.resolution=full --set loss.normalised=false --set fusion=mean"
    arms = {
        "stock": Arm("nnUNetTrainer", stock, "nnU-Net"),
        "half_width": Arm("nnUNetTrainer", f"--patch-size {sizes.patch} {sizes.half_width}", "nnU-Net, half as wide"),
        "window": Arm("nnUNetTrainer", f"--patch-size {sizes.window} {sizes.width}", "nnU-Net on the window"),
        "resenc": Arm("nnUNetTrainer", stock, "nnU-Net ResEncM", plans="nnUNetResEncUNetMPlans"),
        "coarse_half": Arm("CoarseHalfTrainer", sizes.coarse, "coarse half alone"),
        "cscn_one_resolution": Arm("CSCNTrainer", f"{stock} {printed}", "CSCN as it was"),
        "cscn": Arm("CSCNTrainer", sizes.first_cascade, "first CSCN"),
        "cscn_wide": Arm("CSCNTrainer", f"{sizes.first_cascade} --set fine.width=1", "first CSCN, wider ACDNet"),
        "cscn_fast": Arm("CSCNTrainer", f"{sizes.first_cascade} {FAST}", "first CSCN, faster ACDNet"),
    }
    for name, (title, options) in {
        "cscn_coarse_1": ("second CSCN", "--set coarse_weight=1"),
        "cscn_gamma_0": ("first CSCN, gamma 0", "--set loss.gamma=0"),
        "cscn_dice_ce": ("first CSCN, Dice and cross-entropy", DICE_CE),
        "cscn_plain_fine": ("second CSCN, fine.loss=dice_ce", "--set coarse_weight=1 --set fine.loss=dice_ce"),
        "cscn_plan_norm": ("CSCN", "--set coarse_weight=1 --set fine.norm=plan"),
        "cscn_coarse_1_dice_ce": ("second CSCN, Dice and cross-entropy", f"--set coarse_weight=1 {DICE_CE}"),
    }.items():
        arms[name] = Arm("CSCNTrainer", f"{sizes.first_cascade} {options}", title, timed_as="cscn")
    if sizes.coarser is not None:
        configuration, patch, spacing = sizes.coarser
        coarser = f"--patch-size {patch} {sizes.width}"
        arms["coarser"] = Arm("nnUNetTrainer", coarser, f"nnU-Net, {spacing} grid", configuration)
        arms["stage_one"] = Arm("BUNetTrainer", coarser, f"BUNet, {spacing} grid", configuration, timed_as="coarser")
        on_blocks = f"--patch-size {sizes.window} {sizes.width} --set fine.block_size={sizes.block}"
        arms["staged"] = Arm(
            "CSCNStagedTrainer", f"{on_blocks} --set staged.configuration=stage_one", f"staged CSCN, from {spacing}",
            stage_one="stage_one",
        )  # fmt: skip
    return arms


def parts(cascade: str) -> dict[str, Arm]:
    """Return the cascade with the given options, and its variants with one changed part each."""
    changed = {
        "plan_norm": ("instance normalisation on blocks", "--set fine.norm=plan"),
        "batch_norm": ("batch normalisation on blocks", "--set fine.norm=batch"),
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
        "slim": ("slimmer ACDNet", SLIM),
        "three_views": ("windows of three views", "--set three_views=true"),
    }
    arms = {"cscn": Arm("CSCNTrainer", cascade, "CSCN")}
    arms |= {name: Arm("CSCNTrainer", f"{cascade} {options}", title) for name, (title, options) in changed.items()}
    arms["averaged"] = Arm("AveragedCSCNTrainer", cascade, "weights averaged")
    return arms


def predictions(sizes: Sizes) -> dict[str, Arm]:
    """Return the cascade with options that change its prediction alone. predict.py uses the same weights for all."""
    changed = {
        "everywhere": ("threshold 0: blocks everywhere", "--set fine.threshold=0"),
        "threshold_0_2": ("threshold 0.2", "--set fine.threshold=0.2"),
        "threshold_0_5": ("threshold 0.5", "--set fine.threshold=0.5"),
        "no_blocks": ("threshold 1: coarse network alone", "--set fine.threshold=1"),
        "overlap_0": ("overlap 0", "--set fine.overlap=0"),
        "overlap_0_5": ("overlap 0.5", "--set fine.overlap=0.5"),
        "mean": ("mean of both networks", "--set fusion=mean"),
    }
    cascade = sizes.second_cascade
    arms = {"cscn": Arm("CSCNTrainer", cascade, "CSCN")}
    return arms | {
        name: Arm("CSCNTrainer", f"{cascade} {options}", title) for name, (title, options) in changed.items()
    }


def losses(sizes: Sizes) -> dict[str, Arm]:
    """Return the cascade with each variant of the loss."""
    forms = {
        "dice_ce": ("Dice and cross-entropy", DICE_CE),
        "dice_focal": ("Dice and focal loss", "--set loss.distance_weighting=false"),
        "printed": ("Eq. 7 as printed", "--set loss.normalised=false"),
        "capped": ("capped at 2 mm", "--set loss.normalised=false --set loss.distance_cap_mm=2"),
        "normalised": ("normalised", ""),
        "both": ("normalised and capped at 2 mm", "--set loss.distance_cap_mm=2"),
        "normalised_gamma_0": ("normalised, gamma 0", "--set loss.gamma=0"),
        "plain_fine": ("normalised, fine network without weights", "--set fine.loss=dice_ce"),
    }
    return {name: Arm("CSCNTrainer", f"{sizes.cascade} {options}", title) for name, (title, options) in forms.items()}


def _without(arms: dict[str, Arm], *names: str) -> dict[str, Arm]:
    return {name: arm for name, arm in arms.items() if name not in names}


PROBLEMS: Mapping[str, Problem] = {
    "lgg_4mm": Problem(905, "3d_scaled", 20.0, methods(LGG_4MM), title="lgg_mr at 4 x 4 x 4 mm"),
    "lgg_2mm": Problem(905, "3d_fullres", 17.0, methods(LGG_2MM), title="lgg_mr at its own grid, 4.06 x 2 x 2 mm"),
    "npc_synth": Problem(
        903, "3d_coarse", 10.0, _without(methods(NPC), "resenc"), title="npc_synth at 3 x 2 x 2 mm"
    ),
    "hippocampus": Problem(
        904, "3d_fullres", 10.0, _without(methods(HIPPOCAMPUS), "resenc", "window"), folds=(0, 1),
        title="hippocampus at 1 mm",
    ),
    "sts_mr": Problem(
        902, "3d_small", 6.0, _without(methods(STS), "resenc", "window"), title="sts_mr at 4.5 x 4 x 4 mm"
    ),
    "parts": Problem(
        905, "3d_scaled", None, _without(parts(LGG_4MM.cascade), "plan_norm"), iterations=1500, folds=(0, 1, 2),
        title="lgg_mr at 4 x 4 x 4 mm",
    ),
    "parts_second": Problem(
        905, "3d_scaled", None, _without(parts(LGG_4MM.second_cascade), "batch_norm"), iterations=1500, folds=(0, 1, 2),
        title="lgg_mr at 4 x 4 x 4 mm, batch normalisation on blocks",
    ),
    "parts_first": Problem(
        905, "3d_scaled", None, _without(parts(LGG_4MM.first_cascade), "batch_norm"), iterations=1500, folds=(0, 1, 2),
        title="lgg_mr at 4 x 4 x 4 mm, coarse weight 0.5",
    ),
    "predict_lgg_4mm": Problem(
        905, "3d_scaled", None, predictions(LGG_4MM), iterations=5350, folds=(0, 1, 2), title="lgg_mr at 4 x 4 x 4 mm"
    ),
    "predict_lgg_2mm": Problem(
        905, "3d_fullres", None, predictions(LGG_2MM), iterations=2350, folds=(0, 1, 2), title="lgg_mr at its own grid"
    ),
    "loss_lgg": Problem(905, "3d_scaled", None, losses(LGG_4MM), iterations=1500, folds=(0, 1), title="lgg_mr at 4 mm"),
    "loss_npc_synth": Problem(903, "3d_coarse", None, losses(NPC), iterations=1000, folds=(0, 1), title="npc_synth"),
    "loss_hippocampus": Problem(
        904, "3d_fullres", None, losses(HIPPOCAMPUS), iterations=1000, folds=(0, 1), title="hippocampus"
    ),
}  # fmt: skip
