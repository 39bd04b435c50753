"""Folds for cross-validation, in the format of nnU-Net's `splits_final.json`."""
