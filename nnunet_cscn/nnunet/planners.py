"""nnU-Net's planners and the functions that they use."""

from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
    ResEncUNetPlanner,
)
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset

__all__ = ["ExperimentPlanner", "ResEncUNetPlanner", "extract_fingerprint_dataset", "get_pool_and_conv_props"]
