"""Metrics of two masks. Does not read files and does not import torch."""
