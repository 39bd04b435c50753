"""nnU-Net's predictor, and its export of predictions to the grid of the image."""

from nnunetv2.inference import predict_from_raw_data
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

__all__ = ["export_prediction_from_logits", "nnUNetPredictor", "predict_from_raw_data"]
