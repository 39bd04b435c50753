"""``cscn configure``: a configuration of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.errors import UserError


def configure(
    dataset: Annotated[str, typer.Argument(help="Data set, by number or name.")],
    base: Annotated[str, typer.Argument(help="Configuration to inherit from, such as 3d_fullres.")],
    name: Annotated[str, typer.Argument(help="Name of the new configuration.")],
    *,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="An option of the method; may be repeated.")
    ] = [],  # noqa: B006  typer copies it
    plans_name: Annotated[str, typer.Option("-p", "--plans", help="Plans to write to.")] = "nnUNetPlans",
    patch_size: Annotated[str | None, typer.Option(help="Voxels per axis, such as 32,64,64.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Voxels per axis that the cascade sees, pooled for its coarse network.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Patches in a batch.")] = None,
    spacing: Annotated[str | None, typer.Option(help="Target spacing in mm, slowest axis first: 3,1.2,1.2.")] = None,
    features: Annotated[int | None, typer.Option(help="Channels at full resolution.")] = None,
    max_features: Annotated[int | None, typer.Option(help="Largest number of channels.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a configuration of that name.")] = False,
) -> None:
    """Write a configuration that inherits from another one into the plans.

    The options stand in the block "cscn" of the configuration and go into every
    model trained with it. Because the configuration's name is part of the result
    folder's name, two settings never share a folder.

    --window gives the cascade a larger view than the patch that it inherits, pooled by as
    much as keeps a training step at about half the cost of nnU-Net's on that patch.

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
        options=parse_assignments(set_),
        patch_size=_numbers("--patch-size", patch_size, int),
        window=_numbers("--window", window, int),
        batch_size=batch_size,
        spacing_mm=_numbers("--spacing", spacing, float),
        features=features,
        max_features=max_features,
    )
    entry = derive_configuration(plans, base, name, changes)
    if plans["configurations"].get(name, entry) != entry and "inherits_from" not in plans["configurations"][name]:
        raise UserError(f"{name} is a configuration of nnU-Net's own planner: choose another name")
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


def _numbers(option: str, text: str | None, kind: type[int] | type[float]) -> list[Any] | None:
    if text is None:
        return None
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{option}: expected numbers with commas between them, got {text}") from None
