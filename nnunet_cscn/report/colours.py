"""The colours of reference, prediction and labels in all figures."""

from __future__ import annotations

from collections.abc import Sequence

REFERENCE_COLOUR = "#2fbf71"
PREDICTION_COLOUR = "#ff5a5f"
LABEL_COLOURS = (
    *("#2f6db5", "#d9822b", "#7a5aa6", "#2a9d8f", "#b5475d"),
    *("#6b7a3a", "#8c564b", "#4aa3df", "#c77cba", "#555f6b"),
)


def label_colours(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each label. Colours repeat if there are more than ten labels."""
    return {label: LABEL_COLOURS[index % len(LABEL_COLOURS)] for index, label in enumerate(labels)}
