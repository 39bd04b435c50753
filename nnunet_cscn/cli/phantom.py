"""``cscn phantom``: write a synthetic data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.out_options import OldOut, Out, chosen_out
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.errors import ArgumentError


def phantom(
    old_out: OldOut = None,
    *,
    out: Out = None,
    cases: Annotated[
        int | None, typer.Option(show_default="24; 60 with --anatomy", help="Number of training cases.")
    ] = None,
    test_cases: Annotated[
        int | None, typer.Option(show_default="a third of --cases", help="Number of test cases.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed. The same seed gives the same voxels.")] = 0,
    anatomy: Annotated[
        Path | None, typer.Option(help="Folder of label maps of real heads. Images are made from them.")
    ] = None,
    contrast: Annotated[
        Literal["t1", "cet1"], typer.Option(help="t1: T1-weighted; cet1: contrast-enhanced T1-weighted.")
    ] = "t1",
    dataset_id: Annotated[
        int | None, typer.Option(show_default="901; 903 with --anatomy", help="Data set number.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(show_default="NPC; npc_synth with --anatomy", help="Name after the number.")
    ] = None,
    in_plane: Annotated[
        int | None, typer.Option(show_default="160; 128 with --anatomy", help="Voxels along x and y.")
    ] = None,
    slices: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="MIN MAX", show_default="28 36; 30 36 with --anatomy", help="Minimum and maximum number of slices."
        ),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(show_default="one per CPU core", help="Number of cases made in parallel.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing synthetic data set.")] = False,
) -> None:
    """Write a synthetic data set of nasopharyngeal carcinoma in T1-weighted MR.

    Without --anatomy, heads are drawn from simple shapes (0.6 x 0.6 x 3 mm).
    With --anatomy, images are made from label maps of real heads (1 x 1 x 3 mm).

    Example: cscn phantom --cases 24 --seed 0
    """
    from nnunet_cscn.nnunet.folders import raw_folder
    from nnunet_cscn.phantom.dataset import write_dataset
    from nnunet_cscn.phantom.manifest import is_complete
    from nnunet_cscn.workflows.phantom import phantom_settings

    if processes is not None and processes < 1:
        raise ArgumentError("processes", f"expected 1 or more, got {processes}")
    settings = phantom_settings(
        cases=cases, test_cases=test_cases, seed=seed, anatomy=anatomy, contrast=contrast, dataset_id=dataset_id,
        name=name, in_plane=in_plane, slices=slices,
    )  # fmt: skip
    target = chosen_out(out, old_out) or raw_folder()
    was_there = is_complete(target, settings)
    with step_progress() as on_progress:
        cpus = processes or os.cpu_count() or 1
        folder = write_dataset(target, settings, processes=cpus, overwrite=overwrite, on_progress=on_progress)
    _report(folder, settings.cases, settings.test_cases, was_there=was_there)


def _report(folder: Path, cases: int, test_cases: int, *, was_there: bool) -> None:
    """Print what the folder contains."""
    from nnunet_cscn.phantom.manifest import read_manifest
    from nnunet_cscn.splits.cross_validation import SPLITS_FILE

    state = "was there already, left as it is" if was_there else "written"
    lines = [f"{folder}: {cases} training and {test_cases} test cases, {state}"]
    left_out = (read_manifest(folder) or {}).get("left_out")
    if left_out:
        lines.append(f"left out, because they end at the nasopharynx: {', '.join(left_out)}")
    if (folder / SPLITS_FILE).exists():
        lines.append(f"folds that keep each head on one side, used by nnU-Net's planning: {folder / SPLITS_FILE}")
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
