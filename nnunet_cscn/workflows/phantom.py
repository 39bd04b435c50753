"""Write a synthetic data set."""

from __future__ import annotations

from pathlib import Path

from nnunet_cscn.phantom.dataset import write_dataset
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.phantom.tissues import Contrast
from nnunet_cscn.workflows.progress import OnStepProgress


def write_phantom(
    out: str | Path,
    *,
    cases: int | None = None,
    test_cases: int | None = None,
    seed: int = 0,
    anatomy: str | Path | None = None,
    contrast: Contrast = "t1",
    dataset_id: int | None = None,
    name: str | None = None,
    in_plane: int | None = None,
    slices: tuple[int, int] | None = None,
    processes: int = 1,
    overwrite: bool = False,
    on_progress: OnStepProgress | None = None,
) -> Path:
    """Write a synthetic data set of nasopharyngeal carcinoma in T1-weighted MR.

    Without ``anatomy``, heads are drawn from simple shapes (0.6 x 0.6 x 3 mm). With ``anatomy``, images are made from
    label maps of real heads (1 x 1 x 3 mm). The folder appears when it is complete. If the same data set exists
    already, nothing is done.

    Args:
        out: The folder that holds raw data sets (``nnUNet_raw``).
        cases: Number of training cases. None for 24, or 60 with ``anatomy``.
        test_cases: Number of test cases. None for a third of ``cases``.
        seed: Random seed. The same seed gives the same voxels.
        anatomy: Folder of label maps of real heads.
        contrast: ``t1``, or ``cet1`` for contrast-enhanced T1.
        dataset_id: Number of the data set. None for 901, or 903 with ``anatomy``.
        name: Name of the data set. None for NPC, or npc_synth with ``anatomy``.
        in_plane: Number of voxels along x and y. None for 160, or 128 with ``anatomy``.
        slices: Smallest and largest number of slices. None for 28 and 36, or 30 and 36 with ``anatomy``.
        processes: Number of processes. With more than 1, a script needs ``if __name__ == "__main__"``.
        overwrite: Replace a different synthetic data set of the same name.
        on_progress: Called with the step, the number of finished cases of this step and of all cases.

    Returns:
        Folder of the data set.

    Raises:
        UserError: When the folder has other content, a value is not valid, or the label maps cannot be used.

    Example:
        >>> import tempfile
        >>> write_phantom(tempfile.mkdtemp(), cases=1, test_cases=0, in_plane=104, slices=(20, 20)).name
        'Dataset901_NPC'
    """
    settings = phantom_settings(
        cases=cases, test_cases=test_cases, seed=seed, anatomy=anatomy, contrast=contrast, dataset_id=dataset_id,
        name=name, in_plane=in_plane, slices=slices,
    )  # fmt: skip
    return write_dataset(
        Path(out),
        settings,
        processes=processes,
        overwrite=overwrite,
        on_progress=on_progress or (lambda step, done, total: None),
    )


def phantom_settings(*, anatomy: str | Path | None, cases: int | None, **given: object) -> PhantomSettings:
    """Return the settings of a data set. None stands for the default value."""
    if given.get("test_cases") is None and cases is not None:
        given["test_cases"] = -(-cases // 3)
    changes = {key: value for key, value in {"cases": cases, **given}.items() if value is not None}
    if anatomy is not None:
        return PhantomSettings.for_heads(Path(anatomy), **changes)
    return PhantomSettings(**changes)  # type: ignore[arg-type]  # checked there
