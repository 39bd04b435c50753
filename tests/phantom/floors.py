import numpy as np
from scipy import ndimage

from nnunet_cscn.phantom.case import Case


def dice(predicted, truth) -> float:
    return 2 * np.count_nonzero(predicted & truth) / (np.count_nonzero(predicted) + np.count_nonzero(truth))


def best_threshold_dice(cases: list[Case]) -> float:
    """Mean DSC of the best interval of z-scored grey values, the same for all cases. Intervals may be one-sided."""
    edges = np.linspace(-3, 5, 65)
    inside, everywhere = [], []
    for case in cases:
        grey = (case.image - case.image.mean()) / case.image.std()
        bins = np.digitize(grey, edges)  # 0 to 65; the outer bins contain all values outside
        everywhere.append(np.bincount(bins.ravel(), minlength=66))
        inside.append(np.bincount(bins[case.label == 1], minlength=66))
    overlap, size = (np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0))) for counts in (inside, everywhere))
    truth = overlap[:, -1]
    pairs = [(low, high) for low in range(67) for high in range(low + 1, 67)]
    scores = [2 * (overlap[:, high] - overlap[:, low]) / (size[:, high] - size[:, low] + truth) for low, high in pairs]
    return float(np.mean(scores, axis=1).max())


def mean_mask_dice(training: list[Case], test: list[Case]) -> float:
    """Mean DSC on the test cases of the mean training mask, scaled to each case, with the best threshold."""
    shape = (24, 64, 64)
    mean = np.mean([_scaled(case.label, shape) for case in training], axis=0)
    levels = np.linspace(0, mean.max(), 25)[1:-1]
    scaled = [(_scaled(mean, case.label.shape), case.label == 1) for case in test]
    return max(float(np.mean([dice(mask > level, truth) for mask, truth in scaled])) for level in levels)


def _scaled(mask, shape):
    return ndimage.zoom(mask.astype(np.float32), np.divide(shape, mask.shape), order=1)
