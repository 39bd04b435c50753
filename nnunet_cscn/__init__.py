"""CSCN, the multi-scale cascaded fully convolutional network, as an extension of nnU-Net v2.

The names in ``__all__`` are the public Python API. Everything else is private and may change. The import of this
package is fast: a module, and torch or nnunetv2 with it, is imported when one of its names is first used.

Example:
    >>> import nnunet_cscn as cscn
    >>> import numpy as np
    >>> mask = np.zeros((1, 4, 4), dtype=bool)
    >>> mask[:, 1:3, 1:3] = True
    >>> cscn.evaluate_masks(mask, mask, (3.0, 1.0, 1.0)).to_dict()["dsc"]
    1.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnunet_cscn.data.distance import distance_to_border
    from nnunet_cscn.errors import ArgumentError, UserError
    from nnunet_cscn.losses.functional import distance_weighted_focal_loss, distance_weighted_region_focal_loss
    from nnunet_cscn.workflows.compare import compare_folders
    from nnunet_cscn.workflows.convert_dataset import convert_dataset
    from nnunet_cscn.workflows.convert_dicom import convert_dicom
    from nnunet_cscn.workflows.convert_nifti import convert_nifti
    from nnunet_cscn.workflows.evaluate import evaluate_folders, evaluate_masks, evaluate_probabilities
    from nnunet_cscn.workflows.model_card import write_model_card
    from nnunet_cscn.workflows.models import load_model, load_model_folder
    from nnunet_cscn.workflows.observers import compare_observers
    from nnunet_cscn.workflows.phantom import write_phantom
    from nnunet_cscn.workflows.postprocess import apply_postprocessing, tune_postprocessing
    from nnunet_cscn.workflows.predict_dicom import predict_dicom
    from nnunet_cscn.workflows.predict_dicom_studies import predict_dicom_studies
    from nnunet_cscn.workflows.report import write_report

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "UserError",
    "apply_postprocessing",
    "compare_folders",
    "compare_observers",
    "convert_dataset",
    "convert_dicom",
    "convert_nifti",
    "distance_to_border",
    "distance_weighted_focal_loss",
    "distance_weighted_region_focal_loss",
    "evaluate_folders",
    "evaluate_masks",
    "evaluate_probabilities",
    "load_model",
    "load_model_folder",
    "predict_dicom",
    "predict_dicom_studies",
    "tune_postprocessing",
    "write_model_card",
    "write_phantom",
    "write_report",
]

_HOMES = {
    "data.distance": ("distance_to_border",),
    "errors": ("ArgumentError", "UserError"),
    "losses.functional": ("distance_weighted_focal_loss", "distance_weighted_region_focal_loss"),
    "workflows.compare": ("compare_folders",),
    "workflows.convert_dataset": ("convert_dataset",),
    "workflows.convert_dicom": ("convert_dicom",),
    "workflows.convert_nifti": ("convert_nifti",),
    "workflows.evaluate": ("evaluate_folders", "evaluate_masks", "evaluate_probabilities"),
    "workflows.model_card": ("write_model_card",),
    "workflows.models": ("load_model", "load_model_folder"),
    "workflows.observers": ("compare_observers",),
    "workflows.phantom": ("write_phantom",),
    "workflows.postprocess": ("apply_postprocessing", "tune_postprocessing"),
    "workflows.predict_dicom": ("predict_dicom",),
    "workflows.predict_dicom_studies": ("predict_dicom_studies",),
    "workflows.report": ("write_report",),
}
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value  # later uses do not call __getattr__
    return value


def __dir__() -> list[str]:
    """Return all names, including those that are not imported yet."""
    return sorted({*globals(), *__all__})
