"""The cases in the figures: image, reference and the segmentation of each method, all in the same orientation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.volumes import label_mask
from nnunet_cscn.formats.reading import SHOWN_IMAGES
from nnunet_cscn.metrics.masks import Mask
from nnunet_cscn.nnunet.folders import raw_dataset
from nnunet_cscn.paper.runs import PaperRun, by_method
from nnunet_cscn.paper.scores import ScoredMethod, case_files_of, labels_of
from nnunet_cscn.report.oriented import OrientedVolume, read_oriented


@dataclass(frozen=True)
class ShownCase:
    """A case.

    Attributes:
        name: Name of the case.
        image: First channel of the image.
        truth: Reference mask (Z, Y, X) in standard orientation.
        found: The predicted mask of each method.
    """

    name: str
    image: OrientedVolume
    truth: Mask
    found: Mapping[str, Mask]


def typical_cases(scored: ScoredMethod, label: str, n_cases: int) -> list[str]:
    """Return the cases at evenly spaced ranks of the DSC of a method, from low to high. For three cases: the quartiles.

    Args:
        scored: The scores of the method.
        label: The label.
        n_cases: Number of cases. Fewer if there are not enough.
    """
    dsc = {case: scores.counts.dsc for case, scores in scored.for_label(label).items()}
    ranked = sorted((case for case in dsc if np.isfinite(dsc[case])), key=lambda case: (dsc[case], case))
    places = [round((place + 1) / (n_cases + 1) * (len(ranked) - 1)) for place in range(n_cases)]
    return [ranked[place] for place in dict.fromkeys(places)] if ranked else []


def read_shown_case(runs: Sequence[PaperRun], case: str, label: str) -> ShownCase:
    """Read a case with the segmentations of all methods that predicted it.

    Args:
        runs: The runs.
        case: Name of the case.
        label: The label.

    Raises:
        UserError: When no finished run contains the case, or its image is missing.
    """
    values = labels_of(runs[0].training.dataset).values[label]
    found: dict[str, Mask] = {}
    truth_file: Path | None = None
    image_file = _image_file(runs[0].training.dataset, case, runs[0].file_ending)
    grid = SHOWN_IMAGES.grid(image_file)
    for method, of_method in by_method(runs).items():
        for run in of_method:
            if not run.looks_done or case not in run.test_cases:
                continue
            pair = next(pair for pair in case_files_of(run) if pair.name == case)
            truth_file = pair.reference
            found[method] = label_mask(read_oriented(pair.prediction, grid=grid).voxels, values)
    if truth_file is None:
        raise ArgumentError("cases", f"no finished run has predicted a case {case}; choose another case")
    truth = label_mask(read_oriented(truth_file, grid=grid).voxels, values)
    return ShownCase(case, read_oriented(image_file, grid=grid), truth, found)


def _image_file(dataset: str, case: str, ending: str) -> Path:
    file = raw_dataset(dataset) / "imagesTr" / f"{case}_0000{ending}"
    if not file.is_file():
        raise UserError(f"{file} is missing: the figures need the images in nnUNet_raw")
    return file
