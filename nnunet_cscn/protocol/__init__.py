"""The protocol of the paper: splits, learning rate schedule and training curves."""
