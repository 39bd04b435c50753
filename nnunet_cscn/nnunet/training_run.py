"""How nnU-Net's command makes a trainer."""

from nnunetv2.run.run_training import get_trainer_from_args as trainer_for

__all__ = ["trainer_for"]
