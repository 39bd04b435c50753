"""Metrics of two masks. Knows nothing of files or of torch."""
