"""Convert a folder of volumes with file name patterns to nnU-Net's raw format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunet_cscn.conversion.file_patterns import Layout, find_cases
from nnunet_cscn.conversion.raw_dataset import own_dataset
from nnunet_cscn.errors import ArgumentError, available_names
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.convert_cases import convert_cases
from nnunet_cscn.workflows.progress import OnStepProgress

MAX_LABELS = 254
"""Label maps have 8 bits, and many programs use 255 for ignored voxels."""


def convert_nifti(
    source: str | Path,
    out: str | Path | None = None,
    *,
    dataset_id: int,
    images: Mapping[str, str],
    label_maps: str | None = None,
    labels: Mapping[str, int] | None = None,
    masks: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
    name: str = "Converted",
    resample: bool = False,
    nan: float | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> ConversionResult:
    """Convert a folder of NIfTI, NRRD, MetaImage or GIPL files.

    The placeholders in braces form the case name. With ``{patient}``, all cases of one patient stay in the same fold. A
    channel named CT gets CT normalisation; all other channels get z-score normalisation.

    Volumes with the same voxels in another order are reordered. Label values within 0.001 of whole numbers are rounded.
    A mask has two values. Values between 0 and 1, as from interpolation, are foreground above one half; fractions
    without a 0 or a 1 are an error. The report lists all changes.

    Args:
        source: The folder of the volumes.
        out: The raw folder. None for ``$nnUNet_raw``.
        dataset_id: Number of the data set, from 1 to 999.
        images: For each channel name, the file name pattern, such as ``images/{case}_T1.nii.gz``.
        label_maps: Pattern of the label maps, which contain all labels of a case. Needs ``labels``.
        labels: For each label name, its value in the label maps: any whole number except 0. In the data set, the labels
            get the values 1, 2, 3 and so on, in this order.
        masks: Instead of label maps: for each label name, the pattern of its masks. If two labels overlap, the later
            one is on top. A label that is completely covered is an error.
        optional: Names of labels whose mask may be missing. Such a case has no voxels of this label.
        name: Name of the data set.
        resample: Resample volumes with other grids onto the grid of the first channel. Otherwise such a case is an
            error.
        nan: Replace NaN, infinity and values beyond float32 by this value in images, and NaN and infinity by the
            background in label maps and masks. Otherwise such a case is an error.
        overwrite: Replace existing files that differ from the source. Otherwise such a case is an error.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the step, the number of finished cases of this step and of all cases. Steps:
            ``"converting"``, ``"drawing"``.

    Returns:
        The converted cases, and for each other case the reason.

    Raises:
        ArgumentError: When an argument is not valid.
        UserError: When a pattern is not valid or no file matches, and as for ``convert_cases``.

    Example::

        result = convert_nifti(
            "data",
            "raw",
            dataset_id=960,
            images={"T1": "images/{case}_T1.nii.gz"},
            label_maps="labels/{case}.nii.gz",
            labels={"GTVp": 205, "GTVn": 420},  # 1 and 2 in the data set
        )
    """
    values = _label_values(label_maps, labels or {}, masks or {})
    _check_optional(optional, masks or {})
    if nan is not None and not math.isfinite(nan):
        raise ArgumentError("nan", f"expected a finite number, got {nan:g}")
    title = "Converted from a folder of volumes"
    if labels and dict(labels) != values:
        title += "; values in the source: " + ", ".join(f"{label}={value}" for label, value in labels.items())
    description = own_dataset(dataset_id, name, title=title, channel_names=tuple(images), labels=values)
    if not images:
        raise ArgumentError("images", "expected a pattern for at least one channel")
    layout = Layout(
        images,
        values,
        label_map=label_maps,
        source_values=labels or {},
        masks=masks or {},
        optional=optional,
        resample=resample,
        nan=nan,
    )
    return convert_cases(
        description,
        find_cases(Path(source), layout),
        out,
        overwrite=overwrite,
        workers=workers,
        on_progress=on_progress,
    )


def _label_values(label_maps: str | None, labels: Mapping[str, int], masks: Mapping[str, str]) -> dict[str, int]:
    """Return the value of each label in the data set: 1, 2, 3 and so on, in their order."""
    if bool(masks) == (label_maps is not None) or bool(labels) != (label_maps is not None):
        raise ArgumentError("masks", "give either masks, or label maps with the value of each label")
    argument, names = ("labels", list(labels)) if labels else ("masks", list(masks))
    if "background" in names:
        raise ArgumentError(argument, "remove background: all voxels without a label are background")
    if len(names) > MAX_LABELS:
        raise ArgumentError(argument, f"expected at most {MAX_LABELS} labels, got {len(names)}")
    stated = ", ".join(f"{label}={value}" for label, value in labels.items())
    if 0 in labels.values():
        raise ArgumentError(argument, f"expected values other than 0, which is the background; got {stated}")
    if len(set(labels.values())) < len(labels):
        raise ArgumentError(argument, f"expected a different value for each label; got {stated}")
    return {label: value for value, label in enumerate(names, start=1)}


def _check_optional(optional: Sequence[str], masks: Mapping[str, str]) -> None:
    """Check that optional labels are labels with masks."""
    if optional and not masks:
        raise ArgumentError("optional", "this is for masks; in a label map, a label may be absent anyway")
    if unknown := [label for label in optional if label not in masks]:
        raise ArgumentError("optional", f"{unknown[0]} is not the name of a mask; {available_names(list(masks))}")
