"""The same metrics from other packages: the values of one pair of masks, with the functions of each package.

benchmarks/metrics.py and the tests use this module. ``pip install .[peers]`` installs the packages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
TOLERANCE_MM = 2.0


def medpy(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> dict[str, float]:
    from medpy.metric import binary

    return {
        "dsc": binary.dc(prediction, reference),
        "assd_mm": binary.assd(prediction, reference, spacing_mm),
        "hd95_mm": binary.hd95(prediction, reference, spacing_mm),
        "hd_mm": binary.hd(prediction, reference, spacing_mm),
    }


def monai(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> dict[str, float]:
    import torch
    from monai import metrics

    first, second = (torch.from_numpy(np.stack([~mask, mask]))[None].float() for mask in (prediction, reference))
    spacing = list(spacing_mm)
    return {
        "dsc": float(metrics.compute_dice(first, second, include_background=False)),
        "assd_mm": float(metrics.compute_average_surface_distance(first, second, symmetric=True, spacing=spacing)),
        "hd95_mm": float(metrics.compute_hausdorff_distance(first, second, percentile=95, spacing=spacing)),
        "hd_mm": float(metrics.compute_hausdorff_distance(first, second, spacing=spacing)),
        "nsd_2mm": float(metrics.compute_surface_dice(first, second, [TOLERANCE_MM], spacing=spacing)),
    }


def surface_distance(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> dict[str, float]:
    import surface_distance as package

    distances = package.compute_surface_distances(reference, prediction, spacing_mm)
    there, back = package.compute_average_surface_distance(distances)
    return {
        "dsc": float(package.compute_dice_coefficient(reference, prediction)),
        "assd_mm": float(there + back) / 2,
        "hd95_mm": float(package.compute_robust_hausdorff(distances, 95)),
        "hd_mm": float(package.compute_robust_hausdorff(distances, 100)),
        "nsd_2mm": float(package.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM)),
    }


def panoptica(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> dict[str, float]:
    from panoptica import (
        ConnectedComponentsInstanceApproximator,
        InputType,
        NaiveThresholdMatching,
        Panoptica_Evaluator,
    )
    from panoptica.metrics import Metric

    evaluator = Panoptica_Evaluator(
        expected_input=InputType.SEMANTIC,
        instance_approximator=ConnectedComponentsInstanceApproximator(),
        instance_matcher=NaiveThresholdMatching(),
        instance_metrics=[Metric.DSC],
        global_metrics=[Metric.DSC, Metric.ASSD, Metric.HD95, Metric.HD],
        verbose=False,
    )
    result = evaluator.evaluate(
        prediction.astype(np.uint8), reference.astype(np.uint8), verbose=False, voxelspacing=tuple(spacing_mm)
    )["ungrouped"]
    return {
        "dsc": float(result.global_bin_dsc),
        "assd_mm": float(result.global_bin_assd),
        "hd95_mm": float(result.global_bin_hd95),
        "hd_mm": float(result.global_bin_hd),
        "lesion_f1": float(result.rq),
    }


PEERS: dict[str, Callable[..., dict[str, Any]]] = {
    "MONAI": monai,
    "medpy": medpy,
    "surface-distance": surface_distance,
    "panoptica": panoptica,
}
