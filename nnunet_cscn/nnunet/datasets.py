"""nnU-Net's preprocessed cases and its folds."""

from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class, nnUNetBaseDataset
from nnunetv2.utilities.crossval_split import generate_crossval_split

__all__ = ["generate_crossval_split", "infer_dataset_class", "nnUNetBaseDataset"]
