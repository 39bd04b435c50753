"""Volumes in every file format that nnU-Net reads."""
