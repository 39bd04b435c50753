"""Predict as nnU-Net does, and measure the disagreement of both stages."""
