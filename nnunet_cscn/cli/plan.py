"""``cscn plan``: make plans for CSCN that fit into the GPU memory."""

from __future__ import annotations

import contextlib
import io
import math
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.errors import UserError

MIN_MEMORY_GB = 0.5  # with less memory nnU-Net's planner finds no patch size


def plan(
    *,
    dataset: Annotated[str, typer.Option("-d", "--dataset", help="Data set: number or name.")],
    gpu_memory: Annotated[float, typer.Option(help="GPU memory for training, in GB.")] = 8.0,
    residual: Annotated[bool, typer.Option("--residual", help="Use a residual encoder in the coarse U-Net.")] = False,
    plans_name: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--plans",
            show_default="nnUNetCSCNPlans; nnUNetCSCNResEncPlans with --residual",
            help="Name of the plans to write.",
        ),
    ] = None,
) -> None:
    """Write plans for CSCN that fit into the given GPU memory.

    nnU-Net's planner makes the plans. It takes into account that CSCN has two
    networks. The spacings are those of nnU-Net's standard plans, so both can
    share the preprocessed 3d_fullres data.

    Example: cscn plan -d 901 --gpu-memory 8
    """
    from nnunet_cscn.evaluation.labels import read_labels
    from nnunet_cscn.nnunet.folders import dataset_number, preprocessed_folder, raw_dataset, read_dataset_json

    if not (math.isfinite(gpu_memory) and gpu_memory >= MIN_MEMORY_GB):
        raise UserError(f"--gpu-memory: expected at least {MIN_MEMORY_GB:g} GB, got {gpu_memory:g}")
    if plans_name is not None and (not plans_name.replace("_", "").isalnum() or "__" in plans_name):
        raise UserError(
            f"--plans {plans_name}: use only letters, digits and single _, because the name is part of folder names"
        )
    raw = raw_dataset(dataset)
    read_dataset_json(raw)
    read_labels(raw / "dataset.json")
    name = raw.name
    folder = preprocessed_folder() / name

    with console.status("importing nnU-Net"):
        from nnunet_cscn.nnunet.planners import extract_fingerprint_dataset
        from nnunet_cscn.planning.planner import PLANS_NAME, RESIDUAL_PLANS_NAME, CSCNPlanner, CSCNResEncPlanner

    planner_class = CSCNResEncPlanner if residual else CSCNPlanner
    target = plans_name or (RESIDUAL_PLANS_NAME if residual else PLANS_NAME)
    _check_overwrite(folder / f"{target}.json", planner_class.__name__)
    if not (folder / "dataset_fingerprint.json").is_file():
        extract_fingerprint_dataset(dataset_number(name))
    with console.status("planning"), contextlib.redirect_stdout(io.StringIO()):
        plans = planner_class(name, gpu_memory_target_in_gb=gpu_memory, plans_name=target).plan_experiment()
    console.print(_table(plans, f"{target} for {name}, CSCN within {gpu_memory:g} GB by nnU-Net's estimate"))
    configuration = "3d_fullres" if "3d_fullres" in plans["configurations"] else "2d"
    if not (folder / plans["configurations"][configuration]["data_identifier"]).is_dir():
        _show(["nnUNetv2_preprocess", "-d", str(dataset_number(name)), "-plans_name", target, "-c", configuration])
    _show(["nnUNetv2_train", name, configuration, "0", "-tr", "CSCNTrainer", "-p", target])


def _check_overwrite(file: Path, planner: str) -> None:
    """Raise an error if the plans are reserved for nnU-Net, come from another planner, or trained models use them."""
    from nnunet_cscn.nnunet.folders import models_trained_with
    from nnunet_cscn.nnunet.plans import read_plans_file

    if file.stem == "nnUNetPlans":
        raise UserError("nnUNetPlans is reserved for nnU-Net's planner: choose another name with --plans")
    if file.exists() and (made_by := read_plans_file(file).get("experiment_planner_used")) != planner:
        raise UserError(f"{file} contains plans made by {made_by}: choose another name with --plans")
    if trained := models_trained_with(file.parent.name, file.stem):
        raise UserError(
            f"{trained[0]} was trained with {file.stem}, which must not change: choose another name with --plans"
        )


def _show(command: list[str]) -> None:
    console.print(f"next: {shlex.join(command)}", soft_wrap=True, markup=False)


def _table(plans: dict[str, Any], title: str) -> Table:
    from nnunet_cscn.nnunet.plans import configuration_from_plans

    table = Table(title=title)
    for column in ("configuration", "spacing (mm)", "patch", "batch"):
        table.add_column(column)
    for name in plans["configurations"]:
        entry = configuration_from_plans(plans, name)
        if "patch_size" in entry:
            spacing = " x ".join(f"{s:.3g}" for s in entry["spacing"])
            patch = " x ".join(str(int(edge)) for edge in entry["patch_size"])
            table.add_row(name, spacing, patch, str(entry["batch_size"]))
    return table
