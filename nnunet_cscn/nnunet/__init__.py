"""What we take from nnU-Net, and where it keeps things: the only package that imports nnunetv2."""
