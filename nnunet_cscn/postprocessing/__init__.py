"""Postprocessing of segmentations: which steps there are, which of them help, and how they are applied."""
