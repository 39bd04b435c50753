"""Predict as nnU-Net does, and look at what both stages say."""
