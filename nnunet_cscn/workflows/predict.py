"""Predict the images of a folder, optionally with the disagreement of the two stages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.files import check_output_folder
from nnunet_cscn.prediction.running import OnProgress, run_predictor
from nnunet_cscn.temporary import remove_stale
from nnunet_cscn.workflows.models import LoadedModel


@dataclass(frozen=True)
class PredictedFolder:
    """The result of the prediction of a folder.

    Attributes:
        folder: Folder of the predictions.
        cases: Names of the cases of this call, including cases that existed already.
        n_cases: Number of cases in the image folder, including cases of other parts.
        disagreement: For each case in ``uncertainty.json``, the disagreement of the two stages from 0 to 1, the largest
            first. None if ``uncertainty`` was not requested.
        empty: Names of the cases of this call in whose predictions no voxel has a label.
        unreadable: Names of the cases of this call whose predictions existed already and cannot be read.
    """

    folder: Path
    cases: tuple[str, ...]
    n_cases: int
    disagreement: Mapping[str, float] | None = None
    empty: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def plausibility(self) -> str:
        """A sentence that names the cases in which nothing was found."""
        n_cases = len(self.cases)
        parts = [f"{len(self.empty)} of {n_cases} predictions are empty: {', '.join(self.empty)}"] if self.empty else []
        if self.unreadable:
            parts.append(f"{len(self.unreadable)} cannot be read: {', '.join(self.unreadable)}")
        return f"plausibility: {'; '.join(parts) or 'every prediction contains labelled voxels'}"


def predict_folder(
    model: LoadedModel,
    images: str | Path,
    out: str | Path,
    *,
    uncertainty: bool = False,
    save_probabilities: bool = False,
    save_probability_maps: bool = False,
    nan: float | None = None,
    overwrite: bool = True,
    previous_stage: str | Path | None = None,
    n_preprocessing: int = 0,
    n_export: int = 0,
    n_parts: int = 1,
    part: int = 0,
    on_checked: OnProgress | None = None,
    on_progress: OnProgress | None = None,
    on_uncertainty: OnProgress | None = None,
) -> PredictedFolder:
    """Predict the images of a folder. The output files are those of ``nnUNetv2_predict``.

    With parallel processes for preprocessing or export, the calling script needs ``if __name__ == "__main__":``.

    Args:
        model: The model, from ``load_model``.
        images: Folder of images with nnU-Net's names: ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz`` and so on.
        out: Folder for the predictions.
        uncertainty: Whether to measure the disagreement of the coarse and the fine network (0 to 1) in a second pass
            and to write ``uncertainty/CASE`` and ``uncertainty.json``.
        save_probabilities: Whether to write the probabilities too.
        save_probability_maps: Whether to write the probability of each label as NIfTI on the grid of the image, to
            ``probability_maps/LABEL/CASE.nii.gz``. Values are stored in steps of 1/255, with the slope in the header.
        nan: Value that replaces voxels of the images that are NaN or infinite, or beyond the range of float32; None
            to refuse such images.
        overwrite: Whether to predict existing cases again.
        previous_stage: For the second stage of nnU-Net's own cascade: folder with the segmentations of the first stage.
        n_preprocessing: Number of processes for preprocessing. If both numbers are 0, everything runs in this process.
        n_export: Number of processes for export.
        n_parts: Number of parts into which the cases are divided, for several parallel calls.
        part: Index of the part of this call, counted from 0.
        on_checked: Called with the number of checked images and of all images.
        on_progress: Called with the number of predicted cases and of all cases.
        on_uncertainty: Called with the number of finished cases of the second pass and of all cases.

    Returns:
        The predicted cases. A part may be empty if there are more parts than cases.

    Raises:
        UserError: When an argument is not valid, there are no images, images are damaged or channels are missing, or
            ``uncertainty`` is requested for a model with a single stage. Then nothing is written.

    Example:
        >>> model = load_model(901, "3d_fullres")  # doctest: +SKIP
        >>> predict_folder(model, "imagesTs", "predicted", uncertainty=True).disagreement  # doctest: +SKIP
        {'case_2': 0.31, 'case_1': 0.12}
    """
    from nnunet_cscn.prediction.finite import finite_images
    from nnunet_cscn.prediction.images import check_images, find_images
    from nnunet_cscn.prediction.incomplete import remove_incomplete
    from nnunet_cscn.prediction.plausibility import empty_predictions
    from nnunet_cscn.prediction.probability_maps import ProbabilityMaps
    from nnunet_cscn.prediction.uncertainty import UncertaintyWriter, read_scores

    if not 0 <= part < n_parts:
        raise ArgumentError("part", f"expected a number from 0 to {n_parts - 1} for {n_parts} parts, got {part}")
    if nan is not None and not math.isfinite(nan):
        raise ArgumentError("nan", f"expected a finite number, got {nan}")
    check_output_folder(Path(out))
    previous = _checked_previous_stage(model, previous_stage)
    found = find_images(Path(images), file_ending=model.model.file_ending(), n_channels=len(model.channel_names))
    cases = {case: found[case] for case in sorted(found)[part::n_parts]}
    folder = Path(out).absolute()  # nnU-Net cannot write into a folder without a name, such as .
    if not cases:
        return PredictedFolder(folder, (), len(found))
    reader = model.predictor.plans_manager.image_reader_writer_class()
    not_finite = check_images(cases, read=reader.read_images, on_progress=on_checked)
    writer = UncertaintyWriter(model.predictor, model.model, folder) if uncertainty else None  # checks first
    maps = None
    if save_probability_maps:
        maps = ProbabilityMaps(model.predictor, model.model, folder, keep_arrays=save_probabilities)
        maps.check(overwrite=overwrite)
    remove_stale(folder, below=True)
    if not overwrite:
        remove_incomplete(folder, cases, model.model.file_ending(), reader)
    wanted = cases if maps is None or overwrite else maps.missing(cases)
    with finite_images(cases, not_finite, nan) as files:
        if wanted:
            run_predictor(
                model.predictor,
                {case: files[case] for case in wanted},
                folder,
                overwrite=overwrite or maps is not None,
                save_probabilities=save_probabilities or save_probability_maps,
                previous_stage=previous,
                n_preprocessing=n_preprocessing,
                n_export=n_export,
                on_progress=on_progress,
            )
        if maps is not None:
            maps.write(list(wanted))
        if writer is not None:
            writer.write(files, overwrite=overwrite, on_progress=on_uncertainty)
    empty, unreadable = empty_predictions(reader, folder, list(cases), model.model.file_ending())
    return PredictedFolder(
        folder,
        tuple(cases),
        len(found),
        disagreement=None if writer is None else read_scores(folder),
        empty=empty,
        unreadable=unreadable,
    )


def _checked_previous_stage(model: LoadedModel, folder: str | Path | None) -> Path | None:
    if folder is not None and not Path(folder).is_dir():
        raise ArgumentError("previous_stage", f"folder not found: {folder}")
    if folder is None and model.previous_stage is not None:
        raise ArgumentError(
            "previous_stage", f"{model.model.folder.name} needs the folder with segmentations of {model.previous_stage}"
        )
    return None if folder is None else Path(folder)
