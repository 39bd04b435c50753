"""The whole job on synthetic data, with nnU-Net's own commands."""
