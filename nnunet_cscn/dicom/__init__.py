"""DICOM in radiotherapy: series of slices, structure sets, segmentations. Needs the extra ``[dicom]``."""
