"""Whole folders of segmentations against references. Knows nothing of torch."""
