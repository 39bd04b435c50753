"""Figures and HTML reports. Does not import torch."""
