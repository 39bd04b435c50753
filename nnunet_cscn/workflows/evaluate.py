"""Evaluate predictions: of a folder, or of one pair of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.case_pool import OnProgress
from nnunet_cscn.evaluation.folder import FolderScores, check_tolerances, score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.mask_scores import LabelMapScores, MaskScores
from nnunet_cscn.evaluation.volumes import score_volumes
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.metrics.empty_masks import EmptyDistance
from nnunet_cscn.metrics.masks import checked_spacing
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM, score_masks
from nnunet_cscn.workflows.labels import Labels, chosen_labels


def evaluate_folders(
    predictions: str | Path,
    references: str | Path,
    *,
    dataset_json: str | Path | None = None,
    labels: Labels | EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    empty_distance: EmptyDistance = "infinite",
    skip_bad: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> FolderScores:
    """Compare a folder of predictions with a folder of references, case by case and label by label.

    Every case needs a file of the same name and the same grid in both folders; all of them are checked before the
    first metric is computed. Files that nnU-Net puts beside its predictions are ignored.

    NIfTI, NRRD, MetaImage, GIPL, TIFF, PNG and BMP files are read, flat images too. Where the dataset.json, or the
    plans beside the predictions, name a reader of nnU-Net's, it is used.

    Args:
        predictions: Folder of predicted label maps, such as ``<case>.nii.gz``.
        references: Folder of the reference label maps, with the same names.
        dataset_json: nnU-Net's dataset.json with the labels' names, regions and the ignore label. Without it and
            without labels, every value above 0 in the files is a label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        tolerances_mm: Tolerances of the surface Dice in mm.
        empty_distance: What stands for the distances where one mask is empty: infinity, or the volume's diagonal in mm.
        skip_bad: Leave out cases that can't be evaluated, instead of refusing all; they are in ``skipped``.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The scores: ``to_dataframe()`` for a table with one row for each case and label, ``aggregate`` for what all
        cases together say about a label, ``notes`` for what should be known, ``to_json()`` for everything.

    Raises:
        UserError: When a folder is missing, cases do not pair up, grids differ, or files are not whole label maps;
            all such cases are listed. With ``skip_bad`` only when no case is left.
        ArgumentError: When an argument has a value that it can't have.

    Example:
        Half of a reference of two voxels is found.

        >>> import tempfile, SimpleITK
        >>> folder = Path(tempfile.mkdtemp())
        >>> for role, voxels in (("predictions", [1, 0, 0]), ("references", [1, 1, 0])):
        ...     (folder / role).mkdir()
        ...     image = SimpleITK.GetImageFromArray(np.array([[voxels]], dtype=np.uint8))
        ...     SimpleITK.WriteImage(image, str(folder / role / "case_1.nii.gz"))
        >>> scores = evaluate_folders(folder / "predictions", folder / "references", labels={"GTVp": 1})
        >>> scores.to_dataframe()[["case", "label", "recall"]].values.tolist()
        [['case_1', 'GTVp', 0.5]]
    """
    return score_folders(
        Path(predictions),
        Path(references),
        labels=chosen_labels(dataset_json, labels),
        tolerances_mm=tolerances_mm,
        empty_distance=empty_distance,
        skip_bad=skip_bad,
        workers=workers,
        reader=reader_for(None if dataset_json is None else Path(dataset_json), Path(predictions)),
        on_progress=on_progress,
    )


@overload
def evaluate_masks(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    *,
    tolerances_mm: Sequence[float] = ...,
) -> MaskScores: ...


@overload
def evaluate_masks(
    prediction: NDArray[np.integer[Any] | np.floating[Any]],
    reference: NDArray[np.integer[Any] | np.floating[Any]],
    spacing_mm: Sequence[float],
    *,
    tolerances_mm: Sequence[float] = ...,
) -> LabelMapScores: ...


def evaluate_masks(
    prediction: ArrayLike,
    reference: ArrayLike,
    spacing_mm: Sequence[float],
    *,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
) -> MaskScores | LabelMapScores:
    """Compare a prediction in memory with its reference: two boolean masks, or two label maps.

    Args:
        prediction: Booleans, or the labels' values as whole numbers; shape (Z, Y, X).
        reference: The same of the truth, of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X) in mm. A NIfTI file names it in the opposite order.
        tolerances_mm: Tolerances of the surface Dice in mm.

    Returns:
        For booleans the scores of the mask; for numbers those of every value above 0 that one of the two holds.
        ``to_dict()`` gives them under the names that the metrics have in files. Where one mask is empty, overlaps are
        0 and distances infinite; where both are, all are nan but volumes and counts.

    Raises:
        ArgumentError: When the arrays are not a pair of three-dimensional masks or label maps of one shape, the
            spacing is not three positive numbers, or a tolerance is negative.
        UserError: When a number is no label's value.

    Example:
        A cube of 4 voxels a side against itself one slice further; slices are 3 mm apart.

        >>> reference, prediction = np.zeros((8, 6, 6), dtype=bool), np.zeros((8, 6, 6), dtype=bool)
        >>> reference[1:5, 1:5, 1:5] = prediction[2:6, 1:5, 1:5] = True
        >>> found = evaluate_masks(prediction, reference, (3.0, 1.0, 1.0)).to_dict()
        >>> found["dsc"], found["hd95_mm"], found["volume_ml"]
        (0.75, 3.0, 0.192)
        >>> maps = evaluate_masks(2 * prediction.astype(int), 2 * reference.astype(int), (3.0, 1.0, 1.0))
        >>> maps.to_dict()["2"] == found
        True
    """
    first, second = np.asarray(prediction), np.asarray(reference)
    _check_pair(first, second)
    check_tolerances(tolerances_mm)
    try:
        spacing = checked_spacing(spacing_mm)
    except ValueError:
        raise ArgumentError("spacing_mm", f"expected 3 positive numbers along (Z, Y, X), got {spacing_mm}") from None
    shown = metrics(tolerances_mm)
    if first.dtype == np.bool_:
        return MaskScores(score_masks(first, second, spacing, tolerances_mm=tolerances_mm), shown)
    by_label = score_volumes(first, second, spacing, tolerances_mm=tolerances_mm)
    return LabelMapScores({label: MaskScores(scores, shown) for label, scores in by_label.items()})


def _check_pair(prediction: NDArray[Any], reference: NDArray[Any]) -> None:
    for name, array in (("prediction", prediction), ("reference", reference)):
        if array.ndim != 3 or not array.size:
            raise ArgumentError(name, f"expected voxels along 3 dimensions (Z, Y, X), got shape {array.shape}")
        if array.dtype.kind not in "biuf":
            raise ArgumentError(name, f"expected booleans or numbers, got values of type {array.dtype}")
    if prediction.shape != reference.shape:
        raise ArgumentError("prediction", f"expected the reference's shape {reference.shape}, got {prediction.shape}")
    if (prediction.dtype == np.bool_) != (reference.dtype == np.bool_):
        raise ArgumentError(
            "prediction",
            f"expected two masks of booleans or two label maps of numbers, got {prediction.dtype} and "
            f"{reference.dtype}; to make a mask from a label map, use `array == value`",
        )
