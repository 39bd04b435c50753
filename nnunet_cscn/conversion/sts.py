"""Soft-tissue sarcoma: T1 MR with the contour of the gross tumour volume, as Dataset902_STS."""

from __future__ import annotations

from nnunet_cscn.conversion.raw_dataset import DatasetDescription

STS = DatasetDescription(
    number=902,
    name="STS",
    title=(
        "Soft-tissue sarcoma of limbs and trunk: T1-weighted MR, N4-corrected and cropped to 5 cm around the tumour by "
        "its publishers (theibsi/data_sets, ibsi_1_validation), with the radiotherapy contour of the gross tumour "
        "volume"
    ),
    channel_names=("T1",),
    labels=(("background", 0), ("GTV", 1)),
    licence="CC BY 3.0",
    reference=(
        "Vallières M, Freeman CR, Skamene SR, El Naqa I (2015): A radiomics model from joint FDG-PET and MRI texture "
        "features for the prediction of lung metastases in soft-tissue sarcomas of the extremities "
        "(Soft-tissue-Sarcoma). The Cancer Imaging Archive. doi:10.7937/K9/TCIA.2015.7GO2GSKS"
    ),
)
