"""Hippocampus of the Medical Segmentation Decathlon: T1 MR crops with two parts, as Dataset904_Hippocampus."""

from __future__ import annotations

from nnunet_cscn.conversion.raw_dataset import DatasetDescription

HIPPOCAMPUS = DatasetDescription(
    number=904,
    name="Hippocampus",
    title="Anterior and posterior hippocampus in T1-weighted MR crops (Medical Segmentation Decathlon, Task04)",
    channel_names=("T1",),
    labels=(("background", 0), ("anterior", 1), ("posterior", 2)),
    licence="CC BY-SA 4.0",
    reference=(
        "Antonelli M, Reinke A, Bakas S, et al. (2022): The Medical Segmentation Decathlon. "
        "Nature Communications 13, 4128. doi:10.1038/s41467-022-30695-9"
    ),
)
