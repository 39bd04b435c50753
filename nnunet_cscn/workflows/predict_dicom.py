"""Segment one DICOM study: read its series, predict, and write contours and segmentation as DICOM."""

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
from nnunet_cscn.files import check_output_folder
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.prediction.model_names import long_name, short_name
from nnunet_cscn.prediction.running import run_predictor
from nnunet_cscn.workflows.models import LoadedModel

if TYPE_CHECKING:
    from nnunet_cscn.dicom.channels import ChannelPatterns
    from nnunet_cscn.dicom.chosen_series import ChosenSeries
    from nnunet_cscn.dicom.image_studies import ImageStudy
    from nnunet_cscn.dicom.series import ImageSeries

STRUCTURES, SEGMENTATION, PICTURE, UNCERTAINTY = "rtstruct.dcm", "seg.dcm", "picture.png", "uncertainty.dcm"
FILES = (STRUCTURES, SEGMENTATION, PICTURE, UNCERTAINTY)

OnNote = Callable[[str], None]
Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class PredictedSeries:
    """The result of the prediction of a DICOM series.

    Attributes:
        folder: The folder of ``rtstruct.dcm``, ``picture.png`` and, if anything was found, ``seg.dcm``.
        volumes_ml: The volume of each region in ml.
        notes: What was left out, resampled or not found.
        disagreement: How much the two stages of the model disagree, from 0 to 1; None if it was not asked for.
    """

    folder: Path
    volumes_ml: Mapping[str, float]
    notes: tuple[str, ...]
    disagreement: float | None = None


def predict_dicom(
    model: LoadedModel,
    images: str | Path,
    out: str | Path,
    *,
    series: Sequence[int] = (),
    uncertainty: bool = False,
    on_note: OnNote | None = None,
) -> PredictedSeries:
    """Segment a DICOM study, for a treatment planning system.

    Written are an RTSTRUCT with contours along the edges of voxels, a DICOM SEG, and a picture for a check. The regions
    have the names of the model's labels. The structure set is UNAPPROVED and its regions are AUTOMATIC: this is
    research software, not a medical device.

    A model of several channels needs one series for each. If its data set was converted with patterns for the channels
    (``channels`` of ``convert_dicom``), the series are found by them.

    Args:
        model: The model, from ``load_model``.
        images: Folder with the files of one study in any order.
        out: Folder for the files. Those of an earlier run are replaced.
        series: The number of the series of each channel, in the list that the exception shows if there is a choice. The
            contours lie on the first one, and the others are resampled onto it.
        uncertainty: Whether to predict both stages of the model too, and write how much they disagree in each voxel as
            the parametric map ``uncertainty.dcm``.
        on_note: Called with each note as soon as there is one.

    Returns:
        The folder of the files, and the volumes.

    Raises:
        ArgumentError: When series have to be chosen or do not belong together, or ``uncertainty`` is asked of a model
            with one stage.
        UserError: When the model does not read NIfTI, the series of a channel are not found, or elements of the images
            break DICOM's rules so that no SEG can be written.

    Example:
        >>> model = load_model(901, "3d_fullres")  # doctest: +SKIP
        >>> predict_dicom(model, "study/mr", "contours").volumes_ml  # doctest: +SKIP
        {'GTVp': 14.2, 'GTVn': 3.7}
    """
    from nnunet_cscn.dicom.image_studies import image_headers, whole_folder

    check_model(model, uncertainty=uncertainty)
    check_output_folder(Path(out))
    early: list[str] = []

    def note(text: str) -> None:
        early.append(text)
        if on_note is not None:
            on_note(text)

    with quiet():
        study = whole_folder(Path(images), image_headers(Path(images), on_note=note))
    predicted = predict_study(model, study, Path(out), series=series, uncertainty=uncertainty, on_note=on_note)
    return PredictedSeries(predicted.folder, predicted.volumes_ml, (*early, *predicted.notes), predicted.disagreement)


def check_model(model: LoadedModel, *, uncertainty: bool) -> None:
    """Check that a model can predict DICOM images.

    Raises:
        ArgumentError: When ``uncertainty`` is asked of a model that needs the segmentation of another one.
        UserError: When the model does not read NIfTI, or has one stage but should compare two.
    """
    if not (ending := model.model.file_ending()).endswith(ENDINGS):
        raise UserError(
            f"{model.model.folder.name} was trained on {ending} files; DICOM prediction needs a NIfTI model"
        )
    if uncertainty:
        from nnunet_cscn.prediction.uncertainty import UncertaintyWriter

        UncertaintyWriter(model.predictor, model.model, Path())  # refuses what has no two stages


def patterns_of(model: LoadedModel) -> ChannelPatterns | None:
    """Return how the channels of a model are found; None if its data set does not say."""
    from nnunet_cscn.conversion.raw_dataset import CHANNEL_PATTERNS
    from nnunet_cscn.dicom.channels import ChannelPatterns

    return ChannelPatterns.from_json(model.model.description().get(CHANNEL_PATTERNS))


def predict_study(
    model: LoadedModel,
    study: ImageStudy,
    folder: Path,
    *,
    series: Sequence[int] = (),
    uncertainty: bool = False,
    on_note: OnNote | None = None,
) -> PredictedSeries:
    """Segment a study whose series are known. See ``predict_dicom``.

    Args:
        model: The model, which ``check_model`` accepted.
        study: The study.
        folder: Folder for the files.
        series: As in ``predict_dicom``.
        uncertainty: As in ``predict_dicom``.
        on_note: As in ``predict_dicom``.

    Raises:
        UserError: As in ``predict_dicom``.
    """
    from nnunet_cscn.dicom.chosen_series import chosen_series
    from nnunet_cscn.evaluation.volumes import label_mask
    from nnunet_cscn.nifti.voxels import read_voxels

    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if on_note is not None:
            on_note(text)

    disagreement = None
    with quiet(), tempfile.TemporaryDirectory() as place:
        chosen = chosen_series(study, series, model.channel_names, patterns=patterns_of(model), on_note=note)
        images, prediction = _predicted(model, chosen, Path(place), note)
        for name in FILES:  # never mix the files of two runs
            (folder / name).unlink(missing_ok=True)
        regions = EvaluatedLabels.from_dataset(model.labels).values
        shown = images[list(chosen.channels.values()).index(chosen.reference)]
        _draw(shown, prediction, regions, folder)
        voxels = read_voxels(prediction)
        masks = {name: label_mask(voxels, values) for name, values in regions.items()}
        _write(model.model.folder, chosen.reference, masks, folder, note)
        if uncertainty:
            disagreement = _write_uncertainty(model, images, chosen.reference, Path(place) / "out", folder)
    voxel_ml = float(np.prod(chosen.reference.stack.grid().spacing_mm)) / 1000
    volumes = {name: float(mask.sum()) * voxel_ml for name, mask in masks.items()}
    return PredictedSeries(folder, volumes, tuple(notes), disagreement)


def _predicted(model: LoadedModel, chosen: ChosenSeries, place: Path, note: OnNote) -> tuple[list[Path], Path]:
    """Write the channels as nnU-Net reads them and predict them. Returns the images and the label map."""
    from nnunet_cscn.conversion.channel_volumes import channel_volumes
    from nnunet_cscn.conversion.image_values import finite_image
    from nnunet_cscn.nifti.writing import write_volume

    ending = model.model.file_ending()
    volumes = channel_volumes(chosen.channels, chosen.reference)
    for text in volumes.notes:
        note(text)
    for name, voxels in zip(chosen.channels, volumes.voxels, strict=True):
        finite_image(voxels, f"channel {name}", can_replace=False)
    images = [place / f"case_{channel:04d}{ending}" for channel in range(len(volumes.voxels))]
    for voxels, image in zip(volumes.voxels, images, strict=True):
        write_volume(image, voxels, chosen.reference.stack.grid())
    run_predictor(model.predictor, {"case": images}, place / "out")
    return images, place / "out" / f"case{ending}"


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
    except OSError:  # such as a full disk
        raise
    except Exception as fault:  # highdicom is strict, and its messages may contain patient data
        raise UserError(
            f"{STRUCTURES} was written, but not the SEG: the images have invalid elements ({type(fault).__name__})"
        ) from None


def _write_uncertainty(
    model: LoadedModel, images: Sequence[Path], series: ImageSeries, place: Path, folder: Path
) -> float:
    """Compare the two stages of the model. Write the map and return the number of the case."""
    from nnunet_cscn.dicom.map_writer import write_map
    from nnunet_cscn.nifti.voxels import read_voxels
    from nnunet_cscn.prediction.uncertainty import FOLDER, UncertaintyWriter, read_scores

    UncertaintyWriter(model.predictor, model.model, place).write({"case": images})
    values = read_voxels(place / FOLDER / f"case{model.model.file_ending()}")
    explanation = "Disagreement of the coarse and the fine network"
    try:
        write_map(folder / UNCERTAINTY, values, series, name="uncertainty", explanation=explanation)
    except OSError:
        raise
    except Exception as fault:  # highdicom is strict, and its message may quote the patient
        raise UserError(
            f"{UNCERTAINTY} cannot be written: the images have invalid elements ({type(fault).__name__})"
        ) from None
    return read_scores(place)["case"]


def _draw(image: Path, prediction: Path, regions: Mapping[str, Sequence[int]], folder: Path) -> None:
    from nnunet_cscn.report.contours import draw_labels

    draw_labels(image, prediction, folder / PICTURE, names=regions, title="Automatic segmentation, not approved")
