"""Options that the commands around trained models share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.prediction.predictor import Fold, Manner

Dataset = Annotated[str, typer.Option("-d", help="Data set, by number or name.")]
Configuration = Annotated[str, typer.Option("-c", help="Configuration, such as 3d_fullres.")]
Plans = Annotated[str, typer.Option("-p", help="Plans.")]
Trainer = Annotated[str, typer.Option("-tr", help="Trainer of the model.")]
Folds = Annotated[
    list[str] | None, typer.Option("-f", metavar="FOLD ...", show_default="0 1 2 3 4", help="Such as 0 1, or all.")
]
Checkpoint = Annotated[str, typer.Option("-chk", help="Checkpoint.")]
Device = Annotated[
    str | None, typer.Option("-device", show_default="cuda where there is a GPU, else cpu", help="cuda, cpu or mps.")
]
DisableTta = Annotated[bool, typer.Option("--disable_tta", help="Predict no mirrored copies.")]
Stitched = Annotated[
    bool, typer.Option("--stitched", help="Hand over coarse probabilities of the whole image, not of each tile.")
]

Views = Annotated[bool, typer.Option("--views", help="Predict along three views and average.")]


class ManyFolds(TyperCommand):
    """A command whose ``-f`` takes several values, as nnU-Net's does: ``-f 0 1 2``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give each value a ``-f`` of its own."""
        spread: list[str] = []
        is_further = False  # a value behind the first one of -f
        for index, argument in enumerate(args):
            if argument.startswith("-"):
                is_further = False
            elif is_further:
                spread.append("-f")
            elif index and args[index - 1] == "-f":
                is_further = True
            spread.append(argument)
        return super().parse_args(ctx, spread)


def chosen_folds(texts: list[str]) -> tuple[Fold, ...]:
    """Return the folds that ``-f`` names, all five by default; UserError for something else."""
    if wrong := [text for text in texts if not (text.isdecimal() or text == "all")]:
        raise UserError(f"-f: expected numbers of folds, or all, got {wrong[0]}")
    return tuple(text if text == "all" else int(text) for text in dict.fromkeys(texts)) or (0, 1, 2, 3, 4)


def chosen_manner(*, stitched: bool, views: bool) -> Manner:
    """Return how ``--stitched`` and ``--views`` ask to predict; UserError where both are given."""
    if stitched and views:
        raise UserError("--stitched and --views: give one of them")
    return "stitched" if stitched else "views" if views else "tiles"


def chosen_device(named: str | None) -> str:
    """Return the device that ``-device`` names, by default a GPU where there is one; UserError when it is absent."""
    if named not in (None, "cuda", "cpu", "mps"):
        raise UserError(f"-device {named}: expected cuda, cpu or mps; CUDA_VISIBLE_DEVICES chooses among several GPUs")
    import torch

    device = named or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("-device cuda: there is no GPU that torch can see; use -device cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise UserError("-device mps: torch finds none here; use -device cpu")
    if device == "cuda":
        torch.set_num_threads(1)  # as nnUNetv2_predict does; on the CPU torch takes all cores, or OMP_NUM_THREADS
    return device


def run_predictor(
    predictor: Any,
    images: list[list[str]],
    targets: list[str],
    *,
    overwrite: bool,
    save_probabilities: bool,
    previous_stage: Path | None,
    n_preprocessing: int,
    n_export: int,
) -> None:
    """Let nnU-Net's predictor read, predict and write, in processes of its own or, with none of them, in this one."""
    previous = None if previous_stage is None else str(previous_stage)
    Path(targets[0]).parent.mkdir(parents=True, exist_ok=True)
    if n_preprocessing == n_export == 0:
        predictor.predict_from_files_sequential(images, targets, save_probabilities, overwrite, previous)
    else:
        predictor.predict_from_files(
            images, targets, save_probabilities, overwrite, max(1, n_preprocessing), max(1, n_export), previous
        )
