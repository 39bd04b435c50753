"""Files for nnU-Net's own postprocessing."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from nnunetv2.postprocessing.remove_connected_components import remove_all_but_largest_component_from_segmentation

from nnunet_cscn.files import replacing


def write_pickle(file: Path, labels: Sequence[int]) -> None:
    """Write the file that ``nnUNetv2_apply_postprocessing -pp_pkl_file`` takes.

    Args:
        file: The file.
        labels: The labels of which the largest component is kept, one after the other.
    """
    functions = [remove_all_but_largest_component_from_segmentation] * len(labels)
    arguments = [{"labels_or_regions": label} for label in labels]
    with replacing(file) as temporary:
        temporary.write_bytes(pickle.dumps((functions, arguments)))
