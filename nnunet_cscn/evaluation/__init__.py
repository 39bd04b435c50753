"""Evaluate folders of segmentations against references. Does not import torch."""
