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
    """Convert the download of a public data set.

    The function writes images, labels, dataset.json with licence and reference, patients.json, folds, a report and a
    picture of every case. ``hippocampus``, ``lgg`` and ``sts`` have five fixed folds. For the other data sets, folds
    are written if patients have several cases; all cases of a patient are in the same fold.

    Args:
        name: ``hecktor`` (2022 or 2025), ``hippocampus``, ``hnts-mrg``, ``lgg``, ``npc277``, ``segrap`` or ``sts``.
        source: Folder of the unpacked download.
        out: The raw folder. None for ``$nnUNet_raw``.
        variant: Variant of the data set. ``hnts-mrg``: ``pre``, ``mid`` or ``mid-priors``. ``npc277``: ``CE-T1``,
            ``T1``, ``T2``, ``multi`` or ``scans``. The others have no variants. None for the first variant.
        dataset_id: Number of the data set. None for the default number.
        resample: Resample volumes with other grids onto the grid of the image (``hnts-mrg``, ``npc277`` and
            ``segrap``). Otherwise such a case is an error. PET of ``hecktor`` is always resampled.
        overwrite: Replace existing files that differ from the source. Otherwise such a case is an error.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the step, the number of finished cases of this step and of all cases. Steps:
            ``"converting"``, ``"drawing"``.

    Returns:
        The converted cases, and for each other case the reason.

    Raises:
        ArgumentError: When the data set, its variant or its number is not valid, or it cannot be resampled.
        UserError: When the source contains no case of the data set, and as for ``convert_cases``.

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
    """Return the requested variant, or the first one. An empty text if the data set has no variants."""
    if variant is None:
        return dataset.variants[0] if dataset.variants else ""
    if variant not in dataset.variants:
        choice = f"expected one of {', '.join(dataset.variants)}" if dataset.variants else f"{name} has none"
        raise ArgumentError("variant", f"{choice}, got {variant}")
    return variant
