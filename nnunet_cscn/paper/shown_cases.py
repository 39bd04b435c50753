"""Cases that the figures show: image, truth and what each method found, all turned alike."""

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
from nnunet_cscn.paper.scores import ScoredMethod, labels_of, pairs_of
from nnunet_cscn.report.oriented import OrientedVolume, read_oriented


@dataclass(frozen=True)
class ShownCase:
    """A case.

    Attributes:
        name: Its name.
        image: Its first channel.
        truth: The true mask, (Z, Y, X), oriented.
        found: The mask of each method.
    """

    name: str
    image: OrientedVolume
    truth: Mask
    found: Mapping[str, Mask]


def typical_cases(scored: ScoredMethod, label: str, n_cases: int) -> list[str]:
    """Return the cases at evenly spread ranks of a method's DSC, from poor to good: of three, the quartiles.

    Args:
        scored: The method.
        label: The label.
        n_cases: How many; fewer where there are not as many.
    """
    dsc = {case: scores.counts.dsc for case, scores in scored.of_label(label).items()}
    ranked = sorted((case for case in dsc if np.isfinite(dsc[case])), key=lambda case: (dsc[case], case))
    places = [round((place + 1) / (n_cases + 1) * (len(ranked) - 1)) for place in range(n_cases)]
    return [ranked[place] for place in dict.fromkeys(places)] if ranked else []


def read_shown_case(runs: Sequence[PaperRun], case: str, label: str) -> ShownCase:
    """Read a case with the results of all methods that have predicted it.

    Args:
        runs: The runs.
        case: Its name.
        label: The label.

    Raises:
        UserError: When no run that is done has it, or its image is not at hand.
    """
    values = labels_of(runs[0].training.dataset).values[label]
    found: dict[str, Mask] = {}
    truth_file: Path | None = None
    image_file = _image_file(runs[0].training.dataset, case, runs[0].file_ending)
    grid = SHOWN_IMAGES.grid(image_file)
    for method, of_method in by_method(runs).items():
        for run in of_method:
            if not run.is_done or case not in run.test_cases:
                continue
            pair = next(pair for pair in pairs_of(run) if pair.name == case)
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
