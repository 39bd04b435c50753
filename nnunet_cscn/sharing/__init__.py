"""Trained models that are passed on: packed, looked through, unpacked."""
