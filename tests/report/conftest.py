"""A folder of predictions with all kinds of cases: exact, shifted, missed, and false positive."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nnunet_cscn.evaluation.folder import score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels

SHAPE = (8, 30, 24)  # (Z, Y, X)
LABELS = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "GTVn": 2})


def ball(x, radius=6):
    """A ball around column x. Its radius counts voxels in the plane, regardless of their size."""
    z, row, column = np.indices(SHAPE)
    return (5 * (z - 4)) ** 2 + (row - 15) ** 2 + (column - x) ** 2 <= radius**2


@pytest.fixture
def predicted(tmp_path, write_volume) -> SimpleNamespace:
    """Folders `predictions`, `references`, `images` of five cases, and their scores.

    Label 1: `exact`, `near` and `far` (shifted by 2 and 8 columns), `missed` (nothing predicted), `invented` (nothing
    in the reference). Label 2 is in no file but `exact`.
    """
    folders = {role: tmp_path / role for role in ("predictions", "references", "images")}
    nothing = np.zeros(SHAPE, bool)
    masks = {
        "exact": (ball(10), ball(10)),
        "near": (ball(12), ball(10)),
        "far": (ball(18), ball(10)),
        "missed": (nothing, ball(10)),
        "invented": (ball(10), nothing),
    }
    noise = np.random.default_rng(0).normal(100, 20, size=SHAPE).astype(np.float32)
    for case, (prediction, reference) in masks.items():
        volumes = [mask.astype(np.uint8) for mask in (prediction, reference)]
        if case == "exact":
            for volume in volumes:
                volume[4, 25:28, 20:23] = 2
        write_volume(folders["predictions"] / f"{case}.nii.gz", volumes[0])
        write_volume(folders["references"] / f"{case}.nii.gz", volumes[1])
        write_volume(folders["images"] / f"{case}_0000.nii.gz", noise)
    scores = score_folders(folders["predictions"], folders["references"], labels=LABELS)
    return SimpleNamespace(**folders, scores=scores, folder=Path(tmp_path))
