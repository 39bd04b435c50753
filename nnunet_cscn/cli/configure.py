"""``cscn configure``: add a configuration to the plans."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.errors import ArgumentError, UserError


def configure(
    dataset: Annotated[str, typer.Argument(help="Data set: number or name.")],
    base: Annotated[str, typer.Argument(help="Configuration to inherit from, such as 3d_fullres.")],
    name: Annotated[str, typer.Argument(help="Name of the new configuration.")],
    *,
    assignments: Annotated[
        list[str],
        typer.Option("--set", metavar="NAME=VALUE", help="CSCN option, such as epochs=50. Repeat for several."),
    ] = [],  # noqa: B006  typer copies it
    plans_name: Annotated[str, typer.Option("-p", "--plans", help="Name of the plans to change.")] = "nnUNetPlans",
    patch_size: Annotated[str | None, typer.Option(help="Patch size in voxels, such as 32,64,64.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Window of the cascade in voxels per axis; the coarse network sees it pooled.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Number of patches in a batch.")] = None,
    spacing_mm: Annotated[
        str | None, typer.Option("--spacing", help="Target spacing in mm, slowest axis first, such as 3,1.2,1.2.")
    ] = None,
    features: Annotated[int | None, typer.Option(help="Number of feature channels at full resolution.")] = None,
    max_features: Annotated[int | None, typer.Option(help="Maximum number of feature channels.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing configuration of this name.")
    ] = False,
) -> None:
    """Add a configuration to the plans. It inherits from an existing one.

    The options are stored in the block "cscn" of the configuration. Every model
    trained with this configuration uses them. The name of the configuration is
    part of the results folder, so different settings never share a folder.

    --window gives the cascade a larger field of view than the inherited patch.
    The command chooses the pooling so that a training step costs about half as
    much as a training step of nnU-Net on the inherited patch.

    Example: cscn configure 901 3d_fullres 3d_quick --set epochs=50
    """
    from nnunet_cscn.nnunet.plans import plans_file, read_plans_file
    from nnunet_cscn.planning.configurations import Changes, derive_configuration
    from nnunet_cscn.planning.options import parse_assignments
    from nnunet_cscn.planning.storing import check_configuration_name, store_configuration

    check_configuration_name(name)
    file = plans_file(dataset, plans_name)
    plans = read_plans_file(file)
    changes = Changes(
        options=parse_assignments(assignments),
        patch_size=_numbers("patch_size", patch_size, int),
        window=_numbers("window", window, int),
        batch_size=batch_size,
        spacing_mm=_numbers("spacing_mm", spacing_mm, float),
        features=features,
        max_features=max_features,
    )
    entry = derive_configuration(plans, base, name, changes)
    if plans["configurations"].get(name, entry) != entry and "inherits_from" not in plans["configurations"][name]:
        raise UserError(f"{name} is a configuration made by nnU-Net's planner: choose another name")
    is_new = store_configuration(file, plans, name, entry, overwrite=overwrite)
    said = f"{name} written to {file}" if is_new else f"{name} stands in {file} already"
    console.print(said, soft_wrap=True, markup=False)
    if "data_identifier" in entry:
        _show_preprocessing(file, name)


def _show_preprocessing(file: Path, name: str) -> None:
    from nnunet_cscn.nnunet.folders import dataset_number

    number = str(dataset_number(file.parent.name))
    command = ["nnUNetv2_preprocess", "-d", number, "-plans_name", file.stem, "-c", name]
    console.print(f"It has a spacing of its own: {shlex.join(command)}", soft_wrap=True, markup=False)


def _numbers(argument: str, text: str | None, kind: type[int] | type[float]) -> list[Any] | None:
    if text is None:
        return None
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(argument, f"expected numbers separated by commas, got {text}") from None
