"""Damaged files for every reader: each outcome is the right content, or one sentence for the user."""
