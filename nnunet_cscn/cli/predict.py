"""``cscn predict``: predict as nnU-Net does, optionally with the disagreement of the two stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.fold_options import FoldsOrAll
from nnunet_cscn.cli.model_options import (
    Checkpoint,
    Configuration,
    Dataset,
    Device,
    DisableTta,
    Plans,
    Stitched,
    Trainer,
    Trust,
    Views,
    chosen_mode,
    loaded_model,
)
from nnunet_cscn.cli.phase_bar import PhaseBar
from nnunet_cscn.texts import counted


def predict(
    images: Annotated[
        Path, typer.Option("-i", metavar="FOLDER", help="Images with nnU-Net file names, such as case_0000.nii.gz.")
    ],
    out: Annotated[Path, typer.Option("-o", metavar="FOLDER", help="Folder for the predictions.")],
    dataset: Dataset,
    configuration: Configuration,
    *,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Also write maps of the disagreement between the two stages.")
    ] = False,
    stitched: Stitched = False,
    views: Views = False,
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "CSCNTrainer",
    folds: FoldsOrAll = None,
    step_size: Annotated[
        float, typer.Option("-step_size", min=0.01, max=1.0, help="Step between tiles, as a fraction of the tile size.")
    ] = 0.5,
    disable_tta: DisableTta = False,
    save_probabilities: Annotated[
        bool, typer.Option("--save_probabilities", help="Also write the probabilities.")
    ] = False,
    save_probability_maps: Annotated[
        bool, typer.Option("--save_probability_maps", help="Also write the probability of each label as NIfTI.")
    ] = False,
    nan: Annotated[
        float | None,
        typer.Option(
            "--nan",
            metavar="VALUE",
            show_default="refuse such images",
            help="Replace voxels of the images that are NaN or infinite, or beyond float32, by this value.",
        ),
    ] = None,
    continue_prediction: Annotated[
        bool,
        typer.Option(
            "--continue_prediction", "--c", help="Keep existing predictions and predict only the missing cases."
        ),
    ] = False,
    checkpoint: Checkpoint = "checkpoint_final.pth",
    n_preprocessing: Annotated[
        int, typer.Option("-npp", min=0, envvar="nnUNet_npp", help="Number of preprocessing processes.")
    ] = 3,
    n_export: Annotated[int, typer.Option("-nps", min=0, envvar="nnUNet_nps", help="Number of export processes.")] = 3,
    previous_stage: Annotated[
        Path | None,
        typer.Option(
            "-prev_stage_predictions",
            metavar="FOLDER",
            help="Predictions of 3d_lowres, only for nnU-Net's own cascade.",
        ),
    ] = None,
    n_parts: Annotated[int, typer.Option("-num_parts", min=1, help="Split the cases into this number of parts.")] = 1,
    part: Annotated[int, typer.Option("-part_id", min=0, help="Part to predict, counted from 0.")] = 0,
    device: Device = None,
    trust: Trust = False,
    disable_progress_bar: Annotated[
        bool, typer.Option("--disable_progress_bar", help="Show no progress bars.")
    ] = False,
    not_on_device: Annotated[
        bool,
        typer.Option("--not_on_device", help="Collect results in main memory instead of GPU memory, for large images."),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the messages of nnU-Net.")] = False,
) -> None:
    """Predict with a trained model. Options and output files are those of nnUNetv2_predict.

    --uncertainty measures the disagreement between the coarse and the fine
    network in a second pass. It writes FOLDER/uncertainty/CASE.nii.gz, with a
    value from 0 to 1 in every voxel, and FOLDER/uncertainty.json, with one number
    per case. A high number does not always mean a poor contour; this depends on
    the model and the data. See docs/EARLIER_BENCHMARKS.md.

    --save_probability_maps writes FOLDER/probability_maps/LABEL/CASE.nii.gz on
    the grid of the image. NIfTI has no float16: values are stored in steps of
    1/255, and the slope in the header turns them into probabilities from 0 to
    1.

    --stitched is for CSCNStagedTrainer. This trainer learns from coarse
    probabilities of the whole image, joined from overlapping tiles.
    nnUNetv2_predict computes the coarse probabilities in each tile again.
    --stitched computes them for the whole image first. The amount of computation
    is the same, but it needs two passes and memory for the probability map.

    --views predicts in three views and averages them. It is for models trained
    on blocks from three views: those of the paper, or those with the option
    three_views.

    One voxel that is NaN or infinite, or beyond the range of float32, can make
    the prediction of its case empty, so such images are refused by name; --nan 0
    replaces these voxels. The last line names the cases in which nothing was
    found.

    Example: cscn predict -i imagesTs -o out -d 901 -c 3d_fullres -tr CSCNStagedTrainer --uncertainty
    """
    from nnunet_cscn.prediction.predictor import SlidingWindow

    mode = chosen_mode(stitched=stitched, views=views)
    shows_bars = not disable_progress_bar
    model = loaded_model(
        dataset,
        configuration,
        trainer=trainer,
        plans=plans,
        folds=folds,
        checkpoint=checkpoint,
        device=device,
        mode=mode,
        window=SlidingWindow(step_size, not disable_tta, not not_on_device, verbose, shows_bars),
    )
    from nnunet_cscn.workflows.predict import predict_folder

    with (
        PhaseBar("checking images", visible=shows_bars) as checking,
        PhaseBar("uncertainty", visible=shows_bars) as comparing,
    ):
        predicted = predict_folder(
            model,
            images,
            out,
            uncertainty=uncertainty,
            save_probabilities=save_probabilities,
            save_probability_maps=save_probability_maps,
            nan=nan,
            overwrite=not continue_prediction,
            previous_stage=previous_stage,
            n_preprocessing=n_preprocessing,
            n_export=n_export,
            n_parts=n_parts,
            part=part,
            on_checked=checking,
            on_uncertainty=comparing,
        )
    if not predicted.cases:
        console.print(
            f"nothing to do: {counted(predicted.n_cases, 'case')} in {n_parts} parts leave none for part {part}"
        )
        return
    if predicted.disagreement is not None:
        _show(predicted.folder, predicted.disagreement)
    console.print(predicted.plausibility, markup=False, highlight=False, soft_wrap=True)


def _show(folder: Path, disagreement: Mapping[str, float]) -> None:
    from nnunet_cscn.prediction.uncertainty import SUMMARY

    table = Table(title="Disagreement of the stages")
    table.add_column("case", overflow="fold")
    table.add_column("disagreement", justify="right")
    for case, score in disagreement.items():
        table.add_row(escape(case), f"{score:.3f}")
    console.print(table)
    console.print(f"written to {folder / SUMMARY}", markup=False, highlight=False, soft_wrap=True)
