"""The trainers that nnU-Net finds; their names are written into checkpoints and never change."""
