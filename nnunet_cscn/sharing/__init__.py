"""Export, check and install trained models."""
