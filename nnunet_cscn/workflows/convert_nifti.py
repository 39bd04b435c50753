"""Convert a folder of volumes whose files follow patterns to nnU-Net's raw format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunet_cscn.conversion.file_patterns import Layout, find_cases
from nnunet_cscn.conversion.raw_dataset import own_dataset
from nnunet_cscn.errors import ArgumentError, there_is
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.convert_cases import convert_cases
from nnunet_cscn.workflows.progress import OnStepProgress

MOST_LABELS = 254
"""Label maps are written with 8 bits, and 255 is what many programs take for an ignored voxel."""


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

    Placeholders in braces tell cases apart: their values make the name of a case, and ``{patient}`` keeps cases of one
    patient in one fold. A channel named CT is normalised as CT, any other by z-score.

    Volumes with the same voxels in another order are reordered. Values of label maps within 0.001 of whole numbers are
    rounded. Masks have two values, or shares between them, of which foreground is what exceeds a half. The report names
    what was changed.

    Args:
        source: The folder.
        out: The raw folder; None for ``$nnUNet_raw``.
        dataset_id: Number of the data set, from 1 to 999.
        images: Pattern of each image channel, such as ``images/{case}_T1.nii.gz``, by the channel's name.
        label_maps: Pattern of files with all labels of a case; needs ``labels``.
        labels: Value of each label in the label maps, any whole number but 0. In the data set, labels have the values
            1, 2, 3 and so on, in this order.
        masks: Instead of label maps: the pattern of each label's masks. Where two overlap, the later one is on top; a
            label that is completely covered is refused.
        optional: Labels whose mask may be missing: the patient has none.
        name: Name of the data set behind its number.
        resample: Bring volumes on other grids onto the first channel's, instead of refusing the case.
        nan: Replace NaN and infinity in images by this value, and in label maps and masks by the background, instead of
            refusing the case.
        overwrite: Replace files that differ from the source, instead of refusing the case.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the step, the number of finished cases in it and of all.
            Steps: ``"converting"``, ``"drawing"``.

    Returns:
        The cases that are there, and why the others are not.

    Raises:
        ArgumentError: When an argument is wrong.
        UserError: When a pattern is wrong, no file fits, or ``convert_cases`` refuses.

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
    if len(names) > MOST_LABELS:
        raise ArgumentError(argument, f"expected at most {MOST_LABELS} labels, got {len(names)}")
    stated = ", ".join(f"{label}={value}" for label, value in labels.items())
    if 0 in labels.values():
        raise ArgumentError(argument, f"expected values other than 0, which is the background; got {stated}")
    if len(set(labels.values())) < len(labels):
        raise ArgumentError(argument, f"expected a different value for each label; got {stated}")
    return {label: value for value, label in enumerate(names, start=1)}


def _check_optional(optional: Sequence[str], masks: Mapping[str, str]) -> None:
    if optional and not masks:
        raise ArgumentError("optional", "this is for masks; in a label map, a label may be absent anyway")
    if unknown := [label for label in optional if label not in masks]:
        raise ArgumentError("optional", f"{unknown[0]} is not the name of a mask; {there_is(list(masks))}")
