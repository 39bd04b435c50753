"""Predict the images of a folder, and what the two stages say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.prediction.running import OnProgress, run_predictor
from nnunet_cscn.temporary import remove_stale
from nnunet_cscn.workflows.models import LoadedModel


@dataclass(frozen=True)
class PredictedFolder:
    """What was predicted.

    Attributes:
        folder: Where the predictions are.
        cases: The names of the cases of this call, those that were there already too.
        n_cases: How many cases the folder of the images holds, those of other parts too.
        disagreement: How far apart the two stages are in each case that the folder's summary holds, from 0 to 1, the
            most first; None where nobody asked.
    """

    folder: Path
    cases: tuple[str, ...]
    n_cases: int
    disagreement: Mapping[str, float] | None = None


def predict_folder(
    model: LoadedModel,
    images: str | Path,
    out: str | Path,
    *,
    uncertainty: bool = False,
    save_probabilities: bool = False,
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
    """Predict the images of a folder: the files of ``nnUNetv2_predict``, and where the two stages disagree.

    With processes for preprocessing or export, the calling script needs ``if __name__ == "__main__":``.

    Args:
        model: The model, from ``load_model``.
        images: Images, named as nnU-Net wants them: ``CASE_0000.nii.gz``, ``CASE_0001.nii.gz`` and so on.
        out: Folder for the predictions.
        uncertainty: Whether, in a second pass, ``uncertainty/CASE`` and ``uncertainty.json`` are written: how far apart
            the coarse and the fine network are, from 0 to 1.
        save_probabilities: Whether the probabilities are written too.
        overwrite: Whether cases that are there already are predicted again.
        previous_stage: Folder with the segmentations that a second stage of nnU-Net's own cascade needs.
        n_preprocessing: Processes that preprocess; 0, for both, does all in this process.
        n_export: Processes that export.
        n_parts: Number of calls that share the cases.
        part: Which of them this is, from 0 on.
        on_checked: Called with the number of images that were seen to be whole and of all of them.
        on_progress: Called with the number of predicted cases and of all of them.
        on_uncertainty: Called with the number of cases of the second pass and of all of them.

    Returns:
        What was predicted; no case where there are fewer of them than parts.

    Raises:
        UserError: When an argument is wrong, there are no images, some are damaged or lack channels, or the model has
            a single stage and ``uncertainty`` is asked for. Nothing is written then.

    Example:
        >>> model = load_model(901, "3d_fullres")  # doctest: +SKIP
        >>> predict_folder(model, "imagesTs", "predicted", uncertainty=True).disagreement  # doctest: +SKIP
        {'case_2': 0.31, 'case_1': 0.12}
    """
    from nnunet_cscn.prediction.images import check_unharmed, images_in, remove_torn
    from nnunet_cscn.prediction.uncertainty import UncertaintyWriter, read_scores

    if not 0 <= part < n_parts:
        raise ArgumentError("part", f"expected a number from 0 to {n_parts - 1} for {n_parts} parts, got {part}")
    previous = _checked_previous_stage(model, previous_stage)
    found = images_in(Path(images), file_ending=model.model.file_ending(), n_channels=len(model.channel_names))
    cases = {case: found[case] for case in sorted(found)[part::n_parts]}
    folder = Path(out).absolute()  # nnU-Net can't write into a folder without a name, such as .
    if not cases:
        return PredictedFolder(folder, (), len(found))
    check_unharmed(cases, on_progress=on_checked)
    writer = UncertaintyWriter(model.predictor, model.model, folder) if uncertainty else None  # refused first of all
    remove_stale(folder, below=True)
    if not overwrite:
        remove_torn(folder, cases, model.model.file_ending())
    run_predictor(
        model.predictor,
        cases,
        folder,
        overwrite=overwrite,
        save_probabilities=save_probabilities,
        previous_stage=previous,
        n_preprocessing=n_preprocessing,
        n_export=n_export,
        on_progress=on_progress,
    )
    if writer is None:
        return PredictedFolder(folder, tuple(cases), len(found))
    writer.write(cases, overwrite=overwrite, on_progress=on_uncertainty)
    return PredictedFolder(folder, tuple(cases), len(found), read_scores(folder))


def _checked_previous_stage(model: LoadedModel, folder: str | Path | None) -> Path | None:
    if folder is not None and not Path(folder).is_dir():
        raise ArgumentError("previous_stage", f"folder not found: {folder}")
    if folder is None and model.previous_stage is not None:
        raise ArgumentError(
            "previous_stage", f"{model.model.folder.name} needs the folder with segmentations of {model.previous_stage}"
        )
    return None if folder is None else Path(folder)
