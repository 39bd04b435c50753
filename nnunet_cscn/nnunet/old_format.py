"""The dataset.json of nnU-Net 1 and of the Medical Segmentation Decathlon, which nnU-Net 2 can't use."""

from __future__ import annotations

from typing import Any


def old_format_advice(labels: Any) -> str:
    """Return the end of a sentence about a dataset.json whose labels are names by value; empty for any other.

    Args:
        labels: The entry ``labels``.

    Example:
        >>> old_format_advice({"background": 0, "1": 1})
        ''
        >>> old_format_advice({"0": "background", "1": "tumour"})[:37]
        'has the old format of nnU-Net 1, with'
    """
    if not isinstance(labels, dict) or not labels:
        return ""
    if not all(str(key).isdecimal() and isinstance(name, str) for key, name in labels.items()):
        return ""
    key, name = next(iter(labels.items()))
    return (
        f'has the old format of nnU-Net 1, with names by value ("{key}": "{name}"): convert the data set with '
        "nnUNetv2_convert_old_nnUNet_dataset (or nnUNetv2_convert_MSD_dataset), or write values by name: expected "
        "'background' with the value 0"
    )
