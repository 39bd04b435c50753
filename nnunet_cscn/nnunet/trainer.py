"""nnU-Net's trainer, plans and configuration classes, and its search for trainers."""

from nnunetv2.configuration import default_num_processes
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as trainer_named
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels as n_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

__all__ = [
    "ConfigurationManager",
    "PlansManager",
    "default_num_processes",
    "n_input_channels",
    "nnUNetTrainer",
    "trainer_module",
    "trainer_named",
]
