"""Let nnU-Net's predictor work through a folder of images."""

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
    """Read, predict and write, in processes of nnU-Net's or, with none of them, in this one.

    Args:
        predictor: nnU-Net's, with a model loaded.
        cases: The files of every case, channel by channel.
        out: An absolute path: nnU-Net can't write into a folder without a name, such as ``.``.
        overwrite: Whether cases that are there already are predicted again.
        save_probabilities: Whether the probabilities are written too.
        previous_stage: Folder with the segmentations that a second stage of nnU-Net's own cascade needs.
        n_preprocessing: Processes that preprocess.
        n_export: Processes that export.
        on_progress: Called with the number of predicted cases and of all of them.
    """
    images = [[str(file) for file in files] for files in cases.values()]
    targets = [str(out / case) for case in cases]
    previous = None if previous_stage is None else str(previous_stage)
    out.mkdir(parents=True, exist_ok=True)
    with _counted(predictor, len(images), on_progress):
        if n_preprocessing == n_export == 0:
            predictor.predict_from_files_sequential(images, targets, save_probabilities, overwrite, previous)
        else:
            predictor.predict_from_files(
                images, targets, save_probabilities, overwrite, max(1, n_preprocessing), max(1, n_export), previous
            )


@contextlib.contextmanager
def _counted(predictor: Any, total: int, on_progress: OnProgress | None) -> Iterator[None]:
    """Count the cases: nnU-Net tells nobody, but asks for the logits of each case once."""
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
    if done < total:  # the others were there already
        on_progress(total, total)
