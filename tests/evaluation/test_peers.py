"""Compare metrics with other packages that have the same definition. `pip install .[peers]` installs them."""

import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import brute_force
from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.metrics.scores import score_masks

SPACING_MM = (3.0, 0.8, 1.1)
MODULES = {"MONAI": "monai", "medpy": "medpy", "surface-distance": "surface_distance", "panoptica": "panoptica"}
SAME = {
    "MONAI": ("dsc", "hd95_mm", "hd_mm", "nsd_2mm"),
    "medpy": ("dsc", "hd_mm"),
    "surface-distance": ("dsc",),
    "panoptica": ("dsc", "lesion_f1"),
}


@pytest.fixture(scope="module")
def peers():
    file = Path(__file__).resolve().parents[2] / "benchmarks" / "peers.py"
    spec = importlib.util.spec_from_file_location("peers", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["peers"] = module
    spec.loader.exec_module(module)
    return module.PEERS


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("seed", range(4))
def test_equal_definitions_give_equal_values(peers, name, seed):
    pytest.importorskip(MODULES[name])
    random = np.random.default_rng(seed)
    prediction, reference = (np.pad(brute_force.random_blob(random, (9, 14, 15)), 2) for _ in range(2))
    scores = score_masks(prediction, reference, SPACING_MM)
    ours = {metric.key: metric.value(scores) for metric in metrics()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation warnings of these packages
        theirs = peers[name](prediction, reference, SPACING_MM)
    for key in SAME[name]:
        assert theirs[key] == pytest.approx(ours[key], abs=1e-4), key
