"""Convert a folder of volumes whose files follow patterns to nnU-Net's raw format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nnunet_cscn.conversion.file_patterns import Layout, find_cases
from nnunet_cscn.conversion.raw_dataset import own_dataset
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.convert_cases import convert_cases
from nnunet_cscn.workflows.progress import OnStepProgress


def convert_nifti(
    source: str | Path,
    out: str | Path | None = None,
    *,
    dataset_id: int,
    images: Mapping[str, str],
    label_maps: str | None = None,
    labels: Mapping[str, int] | None = None,
    masks: Mapping[str, str] | None = None,
    name: str = "Converted",
    resample: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> ConversionResult:
    """Convert a folder of NIfTI, NRRD or MetaImage files.

    Places in braces tell cases apart: a case is called after what stands in them, and ``{patient}`` keeps cases of one
    patient in one fold. A channel named CT is normalised as CT, any other by z-score.

    Args:
        source: The folder.
        out: The raw folder; None for ``$nnUNet_raw``.
        dataset_id: Number of the data set, from 1 to 999.
        images: Pattern of each image channel, such as ``images/{case}_T1.nii.gz``, by the channel's name.
        label_maps: Pattern of files with all labels of a case; needs ``labels``.
        labels: Value of each label in the label maps: 1, 2, 3 and so on, in this order.
        masks: Instead of label maps: the pattern of each label's masks. Where two overlap, the later one is on top.
        name: Name of the data set behind its number.
        resample: Bring volumes on other grids onto the first channel's, instead of refusing the case.
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
            labels={"GTVp": 1},
        )
    """
    values = _label_values(label_maps, labels or {}, masks or {})
    description = own_dataset(
        dataset_id, name, title="Converted from a folder of volumes", channel_names=tuple(images), labels=values
    )
    if not images:
        raise ArgumentError("images", "expected a pattern for at least one channel")
    layout = Layout(images, values, label_maps, masks or {})
    return convert_cases(
        description,
        find_cases(Path(source), layout, resample=resample),
        out,
        overwrite=overwrite,
        workers=workers,
        on_progress=on_progress,
    )


def _label_values(label_maps: str | None, labels: Mapping[str, int], masks: Mapping[str, str]) -> dict[str, int]:
    """Value of each label: as stated for label maps, in their order for masks."""
    if bool(masks) == (label_maps is not None) or bool(labels) != (label_maps is not None):
        raise ArgumentError("masks", "give either masks, or label maps with the value of each label")
    values = dict(labels) if labels else {label: value for value, label in enumerate(masks, start=1)}
    argument = "labels" if labels else "masks"
    if "background" in values:
        raise ArgumentError(argument, "remove background: all voxels without a label are background")
    if list(values.values()) != list(range(1, len(values) + 1)):
        stated = ", ".join(f"{label}={value}" for label, value in values.items())
        raise ArgumentError(
            argument, f"expected the values 1, 2, 3 and so on in this order, as nnU-Net requires; got {stated}"
        )
    return values
