"""The functions and classes that occur in nnU-Net's own pickles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_NUMPY_MODULES = ("numpy._core.multiarray", "numpy.core.multiarray")  # since numpy 2, and before
_KINDS = "biufU"  # nnU-Net stores case names as NumPy text

_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")

#: In ``checkpoint_*.pth``: weights, state of the optimizer, scores as NumPy numbers, arguments of the trainer.
IN_CHECKPOINTS = frozenset(
    (
        "collections.OrderedDict",
        "_codecs.encode",
        "torch.device",
        "torch.Size",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.storage.UntypedStorage",
        "numpy.dtype",
        *(f"torch.{kind}Storage" for kind in _STORAGES),
        *(f"torch.{kind}" for kind in _DTYPES),
        *(f"{module}.scalar" for module in _NUMPY_MODULES),
    )
)

#: In ``postprocessing.pkl``, which ``nnUNetv2_find_best_configuration`` writes.
IN_POSTPROCESSING = frozenset(
    ("nnunetv2.postprocessing.remove_connected_components.remove_all_but_largest_component_from_segmentation",)
)


#: In ``validation/CASE.pkl``, the properties of a case beside its probabilities (``nnUNetv2_train --npz``).
IN_PROPERTIES = frozenset(
    (
        "_codecs.encode",
        "numpy.dtype",
        "numpy.ndarray",
        *(f"{module}.{name}" for module in _NUMPY_MODULES for name in ("scalar", "_reconstruct")),
    )
)


def numbers_of_numpy() -> list[Any]:
    """Return what ``torch.serialization.safe_globals`` must allow for NumPy numbers and text.

    NumPy 1 and 2 store the same function under different names. Both names are accepted.
    """
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"] if np.dtype(code).kind in _KINDS}
    return [np.dtype, *sorted(kinds, key=str), *(_number_reader(module) for module in _NUMPY_MODULES)]


def _number_reader(module: str) -> Callable[[np.dtype[Any], bytes], Any]:
    def scalar(dtype: np.dtype[Any], content: bytes) -> Any:
        if dtype.kind not in _KINDS:
            raise ValueError(f"a number of the type {dtype}")
        return np.frombuffer(content, dtype, count=1)[0]

    scalar.__module__, scalar.__qualname__ = module, "scalar"  # torch compares these names
    return scalar
