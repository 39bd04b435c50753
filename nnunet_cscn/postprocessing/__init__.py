"""Postprocessing of segmentations: its steps, how validation cases choose them, and its files."""
