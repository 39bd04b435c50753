"""``cscn paper prepare``: prepare configuration, splits and data for the experiment of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import run_with_progress
from nnunet_cscn.cli.paper_options import Budget, Configuration, Dataset
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.local import LocalExecutor

if TYPE_CHECKING:
    from nnunet_cscn.paper.preparation import Preparation
    from nnunet_cscn.protocol.splits import PaperSplit


def prepare(
    dataset: Dataset,
    *,
    configuration: Configuration = "3d_cscn_paper",
    budget: Budget = 1.0,
    spacing: Annotated[float, typer.Option(min=0.1, max=20.0, help="Isotropic voxel spacing in mm.")] = 1.0,
    features: Annotated[int, typer.Option(min=1, max=512, help="Number of feature channels at full resolution.")] = 32,
    batch_size: Annotated[int, typer.Option(min=2, max=4096, help="Number of blocks in a batch.")] = 32,
    head_height: Annotated[
        float,
        typer.Option(
            min=0,
            help="Sample blocks from a part of each volume around the tumour: its height in mm. 0: the whole volume.",
        ),
    ] = 103.0,
    large_tiles: Annotated[
        bool,
        typer.Option(
            "--large-tiles",
            help="Predict in tiles of the size of most images instead of blocks: faster on a CPU, but less accurate.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing configuration of this name.")
    ] = False,
    splits_only: Annotated[
        bool, typer.Option("--no-preprocessing", help="Write plans and splits only, without preprocessing.")
    ] = False,
) -> None:
    """Prepare a data set for the paper's experiment: plans, five splits, preprocessed data.

    The plans are nnUNetCSCNPaperPlans. The splits are in cscn_paper_splits.json:
    five splits into train, validation and test (87:9:24). All cases of a patient
    are in the same part (patients.json in the raw data set). The paper's
    configuration has blocks of 24 x 24 x 8 voxels of 1 mm, batch normalisation
    and ReLU. Settings that differ from the paper, such as --spacing 2 for a
    small machine, need a different configuration name (-c). nnU-Net's own
    plans, data and folds do not change.

    Example: cscn paper prepare 901
    """
    from nnunet_cscn.nnunet.folders import preprocessed_folder, raw_dataset
    from nnunet_cscn.paper.configuration import CONFIGURATION, PaperOptions
    from nnunet_cscn.paper.preparation import Preparation, patients_of
    from nnunet_cscn.planning.storing import check_configuration_name
    from nnunet_cscn.protocol.splits import paper_splits

    check_configuration_name(configuration)
    options = PaperOptions((spacing,) * 3, features, batch_size, head_height or None, large_tiles)
    if configuration == CONFIGURATION and options != PaperOptions():
        raise UserError(
            f"{CONFIGURATION} has the settings of the paper: for other settings choose another name, such as "
            f"-c {CONFIGURATION}_small"
        )
    preparation = Preparation(raw_dataset(dataset).name, configuration)
    preprocessed_folder()  # raise errors before anything is written
    paper_splits(patients_of(raw_dataset(dataset)))
    _plan_if_needed(preparation.dataset)
    splits = preparation.write_splits()
    with console.status("planning"):
        is_new = preparation.write_plans(options, overwrite=overwrite)
    name = preparation.write_budget(budget)
    said = "written to" if is_new else "stands already in"
    console.print(f"{configuration} {said} {preparation.plans_file}", soft_wrap=True, markup=False, highlight=False)
    console.print(_splits_table(splits))
    if not splits_only:
        _preprocess(preparation)
    chosen = "" if configuration == CONFIGURATION else f" -c {configuration}"
    chosen += "" if name == configuration else f" --budget {budget:g}"
    console.print(f"next: cscn paper run {dataset}{chosen}", soft_wrap=True, markup=False, highlight=False)


def _plan_if_needed(dataset: str) -> None:
    """Run nnU-Net's planning if the data set has no plans yet."""
    from nnunet_cscn.execution.jobs import Job
    from nnunet_cscn.nnunet.folders import dataset_number, preprocessed_folder

    folder = preprocessed_folder() / dataset
    if (folder / "nnUNetPlans.json").is_file():
        return
    number = str(dataset_number(dataset))
    for command in ("nnUNetv2_extract_fingerprint", "nnUNetv2_plan_experiment"):
        job = Job(name=command, command=(command, "-d", number), log_file=folder / "cscn" / f"{command}.log")
        run_with_progress(LocalExecutor(["cpu"]), [job])


def _preprocess(preparation: Preparation) -> None:
    job = preparation.preprocessing()
    if job is None:
        console.print("preprocessed data are there already")
        return
    run_with_progress(LocalExecutor(["cpu"]), [job])
    preparation.mark_preprocessed()


def _splits_table(splits: list[PaperSplit]) -> Table:
    table = Table(title="The paper's splits (cases)")
    for heading in ("fold", "train", "validation", "test"):
        table.add_column(heading, justify="right")
    for fold, split in enumerate(splits):
        table.add_row(str(fold), *(str(len(part)) for part in (split.train, split.validation, split.test)))
    return table
