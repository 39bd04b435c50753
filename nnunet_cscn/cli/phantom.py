"""``cscn phantom``: write a synthetic data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.errors import UserError


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder of raw data sets (nnUNet_raw).")],
    *,
    cases: Annotated[int, typer.Option(help="Training cases.")] = 24,
    test_cases: Annotated[
        int | None, typer.Option(help="Test cases; a third of the training cases if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same voxels.")] = 0,
    dataset_id: Annotated[int, typer.Option(help="nnU-Net's number of the data set.")] = 901,
    name: Annotated[str, typer.Option(help="Name of the data set.")] = "NPC",
    contrast: Annotated[Literal["t1", "cet1"], typer.Option(help="T1, or T1 after contrast agent.")] = "t1",
    in_plane: Annotated[int, typer.Option(help="Voxels along x and y.")] = 160,
    slices: Annotated[tuple[int, int], typer.Option(help="Smallest and largest number of slices.")] = (28, 36),
    processes: Annotated[int | None, typer.Option(help="Cases made at a time; all CPUs if not given.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a synthetic data set.")] = False,
) -> None:
    """Write a synthetic raw data set of nasopharyngeal carcinoma in T1-weighted MR."""
    from nnunet_cscn.phantom.dataset import is_complete, write_dataset
    from nnunet_cscn.phantom.settings import PhantomSettings

    settings = PhantomSettings(
        cases=cases, test_cases=-(-cases // 3) if test_cases is None else test_cases, seed=seed,
        dataset_id=dataset_id, name=name, contrast=contrast, in_plane=in_plane, slices=slices,
    )  # fmt: skip
    if processes is not None and processes < 1:
        raise UserError(f"processes: expected 1 or more, got {processes}")
    if is_complete(out, settings):
        console.print(f"{out / settings.folder_name}: is there already", soft_wrap=True, markup=False)
        return
    with progress_bar() as progress:
        task = progress.add_task("cases", total=settings.total)
        folder = write_dataset(
            out, settings, processes=processes or os.cpu_count() or 1, overwrite=overwrite,
            on_case=lambda: progress.advance(task),
        )  # fmt: skip
    console.print(
        f"{folder}: {settings.cases} training and {settings.test_cases} test cases", soft_wrap=True, markup=False
    )
