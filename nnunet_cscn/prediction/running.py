"""Predict a folder of images with nnU-Net's predictor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

OnProgress = Callable[[int, int], None]


def run_predictor(
    predictor: Any,
    cases: Mapping[str, Sequence[Path]],
    out: Path,
    *,
    overwrite: bool = True,
    save_probabilities: bool = False,
    previous_stage: Path | None = None,
    n_preprocessing: int = 0,
    n_export: int = 0,
    on_progress: OnProgress | None = None,
) -> None:
    """Read, predict and write all cases, with nnU-Net's worker processes or in this process.

    Args:
        predictor: nnU-Net's predictor with a loaded model.
        cases: The files of every case, one for each channel.
        out: Absolute path of the output folder. (nnU-Net cannot write into a folder without a name, such as ``.``.)
        overwrite: Whether to predict existing cases again.
        save_probabilities: Whether to write the probabilities too.
        previous_stage: For the second stage of nnU-Net's own cascade: folder with the segmentations of the first stage.
        n_preprocessing: Number of processes for preprocessing.
        n_export: Number of processes for export.
        on_progress: Called with the number of predicted cases and of all cases.

    Raises:
        OSError: When a prediction cannot be written completely. It names the file, or the folder.
    """
    images = [[str(file) for file in files] for files in cases.values()]
    targets = [str(out / case) for case in cases]
    previous = None if previous_stage is None else str(previous_stage)
    out.mkdir(parents=True, exist_ok=True)
    from nnunet_cscn.formats.whole_exports import whole_exports
    from nnunet_cscn.nnunet.inference import predict_from_raw_data

    with _counted(predictor, len(images), on_progress), whole_exports(predict_from_raw_data), _naming(out):
        if n_preprocessing == n_export == 0:
            predictor.predict_from_files_sequential(images, targets, save_probabilities, overwrite, previous)
        else:
            predictor.predict_from_files(
                images, targets, save_probabilities, overwrite, max(1, n_preprocessing), max(1, n_export), previous
            )


@contextlib.contextmanager
def _naming(out: Path) -> Iterator[None]:
    """Name the folder where nnU-Net cannot write its own small files, such as plans.json."""
    try:
        yield
    except OSError as refusal:
        if refusal.errno is None or refusal.filename is not None:
            raise
        raise OSError(refusal.errno, refusal.strerror, str(out)) from refusal


@contextlib.contextmanager
def _counted(predictor: Any, total: int, on_progress: OnProgress | None) -> Iterator[None]:
    """Count the predicted cases. nnU-Net has no callback, but it computes the logits of each case exactly once."""
    if on_progress is None:
        yield
        return
    done, logits_of = 0, predictor.predict_logits_from_preprocessed_data

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal done
        logits = logits_of(*args, **kwargs)
        done += 1
        on_progress(done, total)
        return logits

    predictor.predict_logits_from_preprocessed_data = counted
    try:
        yield
    finally:
        del predictor.predict_logits_from_preprocessed_data
    if done < total:  # the other cases existed already
        on_progress(total, total)
