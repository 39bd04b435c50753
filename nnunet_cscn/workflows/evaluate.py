"""Evaluate a folder of predictions, or one pair of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.calibration import LabelCalibration, calibrate, count_cases
from nnunet_cscn.evaluation.case_pool import OnProgress
from nnunet_cscn.evaluation.folder import FolderScores, check_tolerances, score_folders
from nnunet_cscn.evaluation.groups import read_groups
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.mask_scores import LabelMapScores, MaskScores
from nnunet_cscn.evaluation.probabilities import open_probabilities
from nnunet_cscn.evaluation.volumes import score_volumes
from nnunet_cscn.formats.endings import files_by_case
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
    """Evaluate a folder of predictions against a folder of references, for each case and label.

    Each case must have the same file name and the same grid in both folders. All cases are checked before the first
    metric is computed. Other files that nnU-Net writes next to its predictions are ignored.

    Label maps may be NIfTI, NRRD, MetaImage, GIPL, TIFF, PNG or BMP files, 2D or 3D. If the dataset.json, or plans.json
    next to the predictions, names a reader of nnU-Net, this reader is used.

    Args:
        predictions: Folder of predicted label maps, such as ``<case>.nii.gz``.
        references: Folder of the reference label maps, with the same names.
        dataset_json: nnU-Net's dataset.json with label names, regions and the ignore label. Without ``dataset_json``
            and ``labels``, every value above 0 in the files is a label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        empty_distance: The surface distance to report if exactly one mask is empty: infinity, or the diagonal of the
            volume in mm.
        skip_bad: Exclude cases that cannot be evaluated, instead of raising an error. ``skipped`` of the result lists
            them.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The scores. ``to_dataframe()`` returns a table with one row for each case and label, ``aggregate`` contains the
        statistics of each label over all cases, ``notes`` contains warnings, and ``to_json()`` returns everything.

    Raises:
        UserError: When a folder is missing, a case has only one file, grids differ, or a file is not a complete label
            map. The message lists all such cases. With ``skip_bad`` only when no case is left.
        ArgumentError: When the value of an argument is not valid.

    Example:
        The reference has two voxels and the prediction contains one of them.

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


def evaluate_probabilities(
    probabilities: str | Path,
    references: str | Path | Mapping[str, str | Path],
    *,
    dataset_json: str | Path | None = None,
    labels: Labels | EvaluatedLabels | None = None,
    groups: str | Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, LabelCalibration]:
    """Measure the calibration of probabilities, and find the best threshold of each group of cases.

    Calibration is measured within 10 mm of the box around reference and prediction. The best threshold is the one with
    the largest mean DSC of the label by itself; its gain is measured in cases that were not used to choose it.
    Use validation cases, not test cases.

    Args:
        probabilities: Folder of ``cscn predict --save_probability_maps``, a folder with a subfolder of maps for each
            label, or nnU-Net's folder with ``CASE.npz``.
        references: Folder of the reference label maps, or the reference of each case.
        dataset_json: nnU-Net's dataset.json.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        groups: CSV file with the columns ``case`` and ``group``; None for one group of all cases.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases.

    Returns:
        The calibration of each label; ``to_json()`` returns all values.

    Raises:
        UserError: When cases lack probabilities, lie on another grid, or files are damaged; all of them are listed.
        ArgumentError: When an argument has a value that it can't have.
    """
    known = chosen_labels(dataset_json, labels)
    found = open_probabilities(Path(probabilities), known)
    if isinstance(references, Mapping):
        files = {case: Path(file) for case, file in references.items()}
    else:
        files = {case: file for case, file in files_by_case(Path(references)).items() if found.has(case)}
        if not files:
            raise ArgumentError("probabilities", f"{probabilities} and {references} have no common cases")
    chosen = read_groups(None if groups is None else Path(groups), list(files))
    return calibrate(count_cases(found, files, known, workers=workers, on_progress=on_progress), chosen)


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
    """Evaluate an array: a boolean mask, or a label map, against its reference.

    Args:
        prediction: Booleans, or integer label values. Shape (Z, Y, X).
        reference: The reference, likewise, of the same shape.
        spacing_mm: Size of a voxel along (Z, Y, X) in mm. The header of a NIfTI file has the opposite order.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.

    Returns:
        For booleans, the scores of the mask. For integers, the scores of every value above 0 in the two arrays.
        ``to_dict()`` returns the values by the names of the metrics in files. If one mask is empty, overlap metrics are
        0 and distances are infinite. If both are empty, all values are nan, except volumes and counts.

    Raises:
        ArgumentError: When the arrays are not two three-dimensional masks or label maps of the same shape, the spacing
            is not three positive numbers, or a tolerance is negative.
        UserError: When an array contains values that cannot be labels.

    Example:
        A cube with edges of 4 voxels, compared with the same cube shifted by one slice of 3 mm.

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
