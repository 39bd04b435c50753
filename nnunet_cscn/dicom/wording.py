"""Sentences about DICOM files that more than one place says."""

from __future__ import annotations


def damaged_files(count: int) -> str:
    """Say how many files were left out because they are damaged.

    Example:
        >>> damaged_files(1), damaged_files(3)
        ('1 damaged DICOM file was passed over', '3 damaged DICOM files were passed over')
    """
    return f"{count} damaged DICOM {'file was' if count == 1 else 'files were'} passed over"
