"""Segment a DICOM series and write the result as DICOM."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.prediction.model_names import long_name, short_name
from nnunet_cscn.prediction.running import run_predictor
from nnunet_cscn.workflows.models import LoadedModel

if TYPE_CHECKING:
    from nnunet_cscn.dicom.series import ImageSeries

STRUCTURES, SEGMENTATION, PICTURE = "rtstruct.dcm", "seg.dcm", "picture.png"

OnNote = Callable[[str], None]
Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class PredictedSeries:
    """The result of the prediction of a DICOM series.

    Attributes:
        folder: Folder with ``rtstruct.dcm``, ``picture.png`` and, if the segmentation is not empty, ``seg.dcm``.
        volumes_ml: Volume of each ROI in ml.
        notes: Messages about files that were ignored, series that were resampled and labels that were not found.
    """

    folder: Path
    volumes_ml: Mapping[str, float]
    notes: tuple[str, ...]


def predict_dicom(
    model: LoadedModel,
    images: str | Path,
    out: str | Path,
    *,
    series: Sequence[int] = (),
    on_note: OnNote | None = None,
) -> PredictedSeries:
    """Segment a DICOM series for a treatment planning system.

    The function writes an RTSTRUCT with contours along voxel edges, a DICOM SEG and a picture for visual checks. The
    ROI names are the label names of the model. The structure set is marked UNAPPROVED and its ROIs AUTOMATIC. This is
    research software, not a medical device.

    Args:
        model: The model, from ``load_model``.
        images: Folder with the files of one or several series.
        out: Folder for ``rtstruct.dcm``, ``seg.dcm`` and ``picture.png``. Files of an earlier call are replaced.
        series: The series for each channel of the model, by their numbers. If there is a choice, the error message
            lists the numbers. The contours refer to the first series; the others are resampled onto it.
        on_note: Called immediately with each message.

    Returns:
        The folder of the files, and the volumes.

    Raises:
        UserError: When the model does not use NIfTI files, series must be selected or do not match, or the SEG cannot
            be written.

    Example:
        >>> model = load_model(901, "3d_fullres")  # doctest: +SKIP
        >>> predict_dicom(model, "study/mr", "contours").volumes_ml  # doctest: +SKIP
        {'GTVp': 14.2, 'GTVn': 3.7}
    """
    from nnunet_cscn.dicom.chosen_series import chosen_series
    from nnunet_cscn.evaluation.volumes import label_mask
    from nnunet_cscn.nifti.voxels import read_voxels

    if not (ending := model.model.file_ending()).endswith(ENDINGS):
        raise UserError(
            f"{model.model.folder.name} was trained on {ending} files; DICOM prediction needs a NIfTI model"
        )
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if on_note is not None:
            on_note(text)

    folder = Path(out)
    with quiet(), tempfile.TemporaryDirectory() as place:
        chosen = chosen_series(Path(images), series, model.channel_names, on_note=note)
        image, prediction = _predicted(model, chosen, Path(place), note)
        for name in (STRUCTURES, SEGMENTATION, PICTURE):  # never mix the files of two runs
            (folder / name).unlink(missing_ok=True)
        regions = EvaluatedLabels.from_dataset(model.labels).values
        _draw(image, prediction, regions, folder)
        voxels = read_voxels(prediction)
        masks = {name: label_mask(voxels, values) for name, values in regions.items()}
        _write(model.model.folder, chosen[0], masks, folder, note)
    voxel_ml = float(np.prod(chosen[0].stack.grid().spacing_mm)) / 1000
    return PredictedSeries(folder, {name: float(mask.sum()) * voxel_ml for name, mask in masks.items()}, tuple(notes))


def _predicted(model: LoadedModel, chosen: Sequence[ImageSeries], place: Path, note: OnNote) -> tuple[Path, Path]:
    """Write the series as NIfTI files and predict them. Return the files of the first image and of the label map."""
    from nnunet_cscn.conversion.source_volumes import on_grid
    from nnunet_cscn.dicom.pixels import read_pixels
    from nnunet_cscn.formats.volume import Volume
    from nnunet_cscn.nifti.writing import write_volume

    ending = model.model.file_ending()
    images, grid = [place / f"case_{channel:04d}{ending}" for channel in range(len(chosen))], chosen[0].stack.grid()
    for number, (series, image) in enumerate(zip(chosen, images, strict=True), start=1):
        volume = Volume(read_pixels(series), series.stack.grid())
        moved, resampled = on_grid(volume, grid, f"channel {number}", resample=True)
        if resampled:
            note(f"{resampled} onto the first one")
        write_volume(image, moved.voxels, grid)
    run_predictor(model.predictor, {"case": images}, place / "out")
    return images[0], place / "out" / f"case{ending}"


def _write(model: Path, series: ImageSeries, masks: Masks, folder: Path, note: OnNote) -> None:
    from nnunet_cscn.dicom.segmentation_writer import write_segmentation
    from nnunet_cscn.dicom.structure_writer import write_structures

    label, name = short_name(model), long_name(model)
    notes = write_structures(folder / STRUCTURES, masks, series, label=label, now=datetime.now(), name=name)
    for each in notes:
        note(each)
    if not any(mask.any() for mask in masks.values()):
        note("nothing was found: the structure set has no contour, and there is no SEG")
        return
    try:
        write_segmentation(folder / SEGMENTATION, masks, series, model=name)
    except Exception as fault:  # highdicom is strict, and its messages may contain patient data
        raise UserError(
            f"{STRUCTURES} was written, but not the SEG: the images have invalid elements ({type(fault).__name__})"
        ) from None


def _draw(image: Path, prediction: Path, regions: Mapping[str, Sequence[int]], folder: Path) -> None:
    from nnunet_cscn.report.contours import draw_labels

    draw_labels(image, prediction, folder / PICTURE, names=regions, title="Automatic segmentation, not approved")
