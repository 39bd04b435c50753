"""``cscn predict-dicom``: a DICOM series in, contours and segmentation in DICOM out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.dicom_series import chosen_series
from nnunet_cscn.cli.model_options import (
    Checkpoint,
    Configuration,
    Dataset,
    Device,
    DisableTta,
    Folds,
    Plans,
    Stitched,
    Trainer,
    Views,
    chosen_device,
    chosen_folds,
    chosen_manner,
    run_predictor,
)
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError

if TYPE_CHECKING:
    from nnunet_cscn.dicom.series import ImageSeries
    from nnunet_cscn.prediction.predictor import Model

FILES = ("rtstruct.dcm", "seg.dcm", "picture.png")


def predict_dicom(
    images: Annotated[Path, typer.Argument(metavar="SERIES", help="Folder with the files of a series, in any order.")],
    out: Annotated[Path, typer.Argument(help="Folder for rtstruct.dcm, seg.dcm and picture.png.")],
    dataset: Dataset,
    configuration: Configuration,
    *,
    series: Annotated[
        list[int] | None,
        typer.Option("--series", metavar="N", help="Which series, where there are several; one for each channel."),
    ] = None,
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "CSCNTrainer",
    folds: Folds = None,
    checkpoint: Checkpoint = "checkpoint_final.pth",
    stitched: Stitched = False,
    views: Views = False,
    disable_tta: DisableTta = False,
    device: Device = None,
) -> None:
    """Segment a DICOM series with a trained model, for a treatment planning system.

    Written are an RTSTRUCT with contours along the edges of voxels, a DICOM
    SEG, both on the same series, and a picture to check them by. Regions are
    called as the model's labels are. The structure set is UNAPPROVED and its
    regions are marked AUTOMATIC: research software, not a medical device.

    A model of several channels takes as many series of the folder; contours
    lie on the first one, onto which the others are resampled.

    Example: cscn predict-dicom study/mr out -d 901 -c 3d_fullres -tr CSCNTrainer
    """
    from nnunet_cscn.nnunet.folders import model_folder

    folder = model_folder(dataset, trainer=trainer, plans=plans, configuration=configuration)
    numbers = chosen_folds(folds or [])
    manner = chosen_manner(stitched=stitched, views=views)
    with console.status("importing nnU-Net"):
        import torch

        from nnunet_cscn.nifti.voxels import ENDINGS
        from nnunet_cscn.nnunet.discovery import ensure_registered
        from nnunet_cscn.prediction.predictor import Model, SlidingWindow

        ensure_registered()
    model = Model(folder, numbers, checkpoint)
    model.check()
    if not model.file_ending().endswith(ENDINGS):
        raise UserError(f"{folder.name} reads {model.file_ending()} files; from DICOM only NIfTI models can predict")
    with quiet():
        chosen = chosen_series(images, series or [], model.channel_names())
    window = SlidingWindow(mirroring=not disable_tta)
    predictor = model.load(torch.device(chosen_device(device)), window, manner=manner)
    with quiet(), tempfile.TemporaryDirectory() as place:
        image, prediction = _predicted(predictor, model, chosen, Path(place))
        for name in FILES:  # files of two runs never stand beside each other
            (out / name).unlink(missing_ok=True)
        _draw(image, prediction, model, out)
        masks = _write(chosen[0], prediction, model, out)
    voxel_ml = _voxel_ml(chosen[0])
    for name, mask in masks.items():
        console.print(f"{name}: {mask.sum() * voxel_ml:.2f} ml", markup=False, highlight=False)
    console.print(f"written to {out}", markup=False, highlight=False, soft_wrap=True)


def _predicted(predictor: Any, model: Model, chosen: Sequence[ImageSeries], place: Path) -> tuple[Path, Path]:
    """Write the series as nnU-Net reads them and predict them; the files of the first image and the label map."""
    from nnunet_cscn.conversion.source_volumes import Volume, on_grid
    from nnunet_cscn.dicom.pixels import read_pixels
    from nnunet_cscn.nifti.writing import write_volume

    ending = model.file_ending()
    images, target = [place / f"case_{channel:04d}{ending}" for channel in range(len(chosen))], place / "out" / "case"
    grid = chosen[0].stack.grid()
    for number, (series, image) in enumerate(zip(chosen, images, strict=True), start=1):
        volume = Volume(read_pixels(series), series.stack.grid())
        moved, note = on_grid(volume, grid, f"channel {number}", resample=True)
        if note:
            console.print(f"{note} onto the first one", highlight=False)
        write_volume(image, moved.voxels, grid)
    run_predictor(
        predictor,
        [[str(image) for image in images]],
        [str(target)],
        overwrite=True,
        save_probabilities=False,
        previous_stage=None,
        n_preprocessing=0,
        n_export=0,
    )
    return images[0], target.with_name(f"case{ending}")


def _write(series: ImageSeries, prediction: Path, model: Model, out: Path) -> dict[str, Any]:
    from nnunet_cscn.dicom.segmentation_writer import write_segmentation
    from nnunet_cscn.dicom.structure_writer import write_structures
    from nnunet_cscn.evaluation.labels import EvaluatedLabels
    from nnunet_cscn.evaluation.volumes import label_mask
    from nnunet_cscn.nifti.voxels import read_voxels

    voxels = read_voxels(prediction)
    labels = EvaluatedLabels.from_dataset(model.description()["labels"])
    masks = {name: label_mask(voxels, values) for name, values in labels.values.items()}
    write_structures(out / "rtstruct.dcm", masks, series, label="nnunet-cscn", now=datetime.now())
    if any(mask.any() for mask in masks.values()):
        try:
            write_segmentation(out / "seg.dcm", masks, series)
        except Exception as fault:  # highdicom is strict, and what it says may quote the patient
            raise UserError(
                "rtstruct.dcm is written, but no SEG: elements of the images break DICOM's rules "
                f"({type(fault).__name__})"
            ) from None
    else:
        console.print("nothing was found: the structure set has no contour, and there is no SEG")
    return masks


def _draw(image: Path, prediction: Path, model: Model, out: Path) -> None:
    from nnunet_cscn.evaluation.labels import EvaluatedLabels
    from nnunet_cscn.report.contours import draw_labels

    labels = EvaluatedLabels.from_dataset(model.description()["labels"])
    draw_labels(
        image, prediction, out / "picture.png", names=labels.values, title="Automatic segmentation, not approved"
    )


def _voxel_ml(series: ImageSeries) -> float:
    x, y, z = series.stack.grid().spacing_mm
    return x * y * z / 1000
