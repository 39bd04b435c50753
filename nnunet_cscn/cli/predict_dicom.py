"""``cscn predict-dicom``: segment a DICOM series and write RTSTRUCT and DICOM SEG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
from nnunet_cscn.cli.out_options import OldOut, chosen_out
from nnunet_cscn.errors import ArgumentError


def predict_dicom(
    images: Annotated[
        Path, typer.Argument(metavar="SERIES", help="Folder with the DICOM files of a series, in any order.")
    ],
    dataset: Dataset,
    configuration: Configuration,
    old_out: OldOut = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Folder for rtstruct.dcm, seg.dcm and picture.png. Required.",
        ),
    ] = None,
    series: Annotated[
        list[int] | None,
        typer.Option(
            "--series", metavar="N", help="Number of the series to use, if there are several. Repeat for each channel."
        ),
    ] = None,
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "CSCNTrainer",
    folds: FoldsOrAll = None,
    checkpoint: Checkpoint = "checkpoint_final.pth",
    stitched: Stitched = False,
    views: Views = False,
    disable_tta: DisableTta = False,
    device: Device = None,
    trust: Trust = False,
) -> None:
    """Segment a DICOM series with a trained model, for a treatment planning system.

    The command writes an RTSTRUCT with contours along voxel edges, a DICOM SEG
    and a picture for visual checks. The ROI names are the label names of the
    model. The structure set is marked UNAPPROVED and its ROIs AUTOMATIC. This is
    research software, not a medical device.

    A model with several channels needs one series per channel. The contours
    refer to the first series. The other series are resampled onto it.

    Example: cscn predict-dicom study/mr -o out -d 901 -c 3d_fullres -tr CSCNTrainer
    """
    from nnunet_cscn.prediction.predictor import SlidingWindow

    folder = chosen_out(out, old_out)
    if folder is None:
        raise ArgumentError("out", "the output folder is missing: give one")
    model = loaded_model(
        dataset,
        configuration,
        trainer=trainer,
        plans=plans,
        folds=folds,
        checkpoint=checkpoint,
        device=device,
        mode=chosen_mode(stitched=stitched, views=views),
        window=SlidingWindow(mirroring=not disable_tta),
    )
    from nnunet_cscn.workflows.predict_dicom import predict_dicom as predict_series

    predicted = predict_series(
        model, images, folder, series=series or (), on_note=lambda note: console.print(note, highlight=False)
    )
    for name, volume_ml in predicted.volumes_ml.items():
        console.print(f"{name}: {volume_ml:.2f} ml", markup=False, highlight=False)
    console.print(f"written to {folder}", markup=False, highlight=False, soft_wrap=True)
