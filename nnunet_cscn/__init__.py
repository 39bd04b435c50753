"""CSCN, the multi-scale cascaded fully convolutional network, for stock nnU-Net v2.

Importing this package is cheap: nothing here imports torch or nnunetv2.
"""

__version__ = "0.1.0"
