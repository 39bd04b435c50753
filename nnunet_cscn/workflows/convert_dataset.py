"""Convert a public data set to nnU-Net's raw format."""

from __future__ import annotations

from pathlib import Path

from nnunet_cscn.conversion.catalogue import PUBLIC_DATASETS, PublicDataset
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.splits.cross_validation import fixed_folds
from nnunet_cscn.workflows.conversion_result import ConversionResult
from nnunet_cscn.workflows.convert_cases import convert_cases
from nnunet_cscn.workflows.progress import OnStepProgress


def convert_dataset(
    name: str,
    source: str | Path,
    out: str | Path | None = None,
    *,
    variant: str | None = None,
    dataset_id: int | None = None,
    resample: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    on_progress: OnStepProgress | None = None,
) -> ConversionResult:
    """Convert a public data set as it was downloaded.

    Written are images, labels, dataset.json with licence and reference, patients.json, folds, a report and a picture
    of every case. ``hippocampus``, ``lgg`` and ``sts`` have five fixed folds; elsewhere folds are written where
    patients have several cases, and keep these together.

    Args:
        name: ``hecktor`` (2022 or 2025), ``hippocampus``, ``hnts-mrg``, ``lgg``, ``npc277``, ``segrap`` or ``sts``.
        source: The unpacked download.
        out: The raw folder; None for ``$nnUNet_raw``.
        variant: What is made of it. ``hnts-mrg``: ``pre``, ``mid`` or ``mid-priors``; ``npc277``: ``CE-T1``, ``T1``,
            ``T2``, ``multi`` or ``scans``; none for the others. None for the first one.
        dataset_id: Another number than its own.
        resample: Bring volumes on other grids onto the image's, instead of refusing the case: ``hnts-mrg``, ``npc277``
            and ``segrap``. PET of ``hecktor`` is always resampled.
        overwrite: Replace files that differ from the source, instead of refusing the case.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the step, the number of finished cases in it and of all.
            Steps: ``"converting"``, ``"drawing"``.

    Returns:
        The cases that are there, and why the others are not.

    Raises:
        ArgumentError: When the data set is unknown, or has no such variant or number, or can't be resampled.
        UserError: When the source holds nothing of the data set, or ``convert_cases`` refuses.

    Example::

        result = convert_dataset("lgg", "downloads/kaggle_3m", "raw")
        print(result.folder, len(result.converted), result.problems)
    """
    if name not in PUBLIC_DATASETS:
        raise ArgumentError("name", f"expected one of {', '.join(PUBLIC_DATASETS)}, got {name}")
    dataset = PUBLIC_DATASETS[name]
    if resample and not dataset.can_resample:
        raise ArgumentError("resample", f"the converter for {name} does not support resampling")
    with quiet():
        description, cases = dataset.read(Path(source), _chosen_variant(name, dataset, variant), resample)
    return convert_cases(
        description,
        cases,
        out,
        dataset_id=dataset_id,
        folds=fixed_folds([case.name for case in cases]) if dataset.has_fixed_folds else None,
        overwrite=overwrite,
        workers=workers,
        on_progress=on_progress,
    )


def _chosen_variant(name: str, dataset: PublicDataset, variant: str | None) -> str:
    """The variant that is asked for, or the first one; empty where there is no choice."""
    if variant is None:
        return dataset.variants[0] if dataset.variants else ""
    if variant not in dataset.variants:
        choice = f"expected one of {', '.join(dataset.variants)}" if dataset.variants else f"{name} has none"
        raise ArgumentError("variant", f"{choice}, got {variant}")
    return variant
