"""``cscn phantom``: write a synthetic data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.convert_public import OldOut, Out
from nnunet_cscn.cli.steps import shown_steps
from nnunet_cscn.errors import ArgumentError


def phantom(
    old_out: OldOut = None,
    *,
    out: Out = None,
    cases: Annotated[int | None, typer.Option(help="Training cases (default: 24; 60 with --anatomy).")] = None,
    test_cases: Annotated[int | None, typer.Option(help="Test cases (default: a third of --cases).")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same voxels.")] = 0,
    anatomy: Annotated[Path | None, typer.Option(help="Folder of head label maps to make contrast from.")] = None,
    contrast: Annotated[Literal["t1", "cet1"], typer.Option(help="T1, or T1 after contrast agent.")] = "t1",
    dataset_id: Annotated[int | None, typer.Option(help="nnU-Net's number (default: 901; 903 with --anatomy).")] = None,
    name: Annotated[str | None, typer.Option(help="Its name (default: NPC; npc_synth with --anatomy).")] = None,
    in_plane: Annotated[int | None, typer.Option(help="Voxels along x and y (default: 160; 128).")] = None,
    slices: Annotated[
        tuple[int, int] | None, typer.Option(help="Fewest and most slices (default: 28 36; 30 36).")
    ] = None,
    processes: Annotated[int | None, typer.Option(help="Cases made at a time (default: one per CPU).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a synthetic data set.")] = False,
) -> None:
    """Write a synthetic data set of nasopharyngeal carcinoma in T1-weighted MR.

    Heads are drawn (0.6 x 0.6 x 3 mm), or with --anatomy cut out of label maps
    of real heads (1 x 1 x 3 mm).

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
    target = out or old_out or raw_folder()
    was_there = is_complete(target, settings)
    with shown_steps() as on_progress:
        cpus = processes or os.cpu_count() or 1
        folder = write_dataset(target, settings, processes=cpus, overwrite=overwrite, on_progress=on_progress)
    _report(folder, settings.cases, settings.test_cases, was_there=was_there)


def _report(folder: Path, cases: int, test_cases: int, *, was_there: bool) -> None:
    """Say what is in the folder and what to do with it."""
    from nnunet_cscn.phantom.dataset import SPLITS
    from nnunet_cscn.phantom.manifest import read_manifest

    state = "was there already, left as it is" if was_there else "written"
    lines = [f"{folder}: {cases} training and {test_cases} test cases, {state}"]
    left_out = (read_manifest(folder) or {}).get("left_out")
    if left_out:
        lines.append(f"left out, since they end at the nasopharynx: {', '.join(left_out)}")
    if (folder / SPLITS).exists():
        lines.append(f"folds that keep each head on one side, taken over by nnU-Net's planning: {folder / SPLITS}")
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
