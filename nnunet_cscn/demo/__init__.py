"""The demo: all steps from data to report, on synthetic data and with nnU-Net's own commands."""
