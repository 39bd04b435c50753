"""Metrics of segmentations, for two masks and for whole folders. Knows nothing of torch."""
