"""Convert a folder of volumes with file name patterns to nnU-Net's raw format."""

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

    The placeholders in braces form the case name. With ``{patient}``, all cases of one patient stay in the same fold. A
    channel named CT gets CT normalisation; all other channels get z-score normalisation.

    Args:
        source: The folder of the volumes.
        out: The raw folder. None for ``$nnUNet_raw``.
        dataset_id: Number of the data set, from 1 to 999.
        images: For each channel name, the file name pattern, such as ``images/{case}_T1.nii.gz``.
        label_maps: Pattern of the label maps, which contain all labels of a case. Needs ``labels``.
        labels: For each label name, its value in the label maps: 1, 2, 3 and so on, in this order.
        masks: Instead of label maps: for each label name, the pattern of its masks. If two labels overlap, the later
            one is on top.
        name: Name of the data set.
        resample: Resample volumes with other grids onto the grid of the first channel. Otherwise such a case is an
            error.
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
    """Return the value of each label: for label maps the given values, for masks 1, 2, 3 in their order."""
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
