"""Make one synthetic case: image and label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.phantom.anatomy import draw_head
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.head_scene import cut_head
from nnunet_cscn.phantom.heads import HeadFile
from nnunet_cscn.phantom.mri import simulate_mri
from nnunet_cscn.phantom.scene import Scene
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.phantom.tumour import grow_tumour


@dataclass(frozen=True)
class Case:
    """A synthetic case.

    Attributes:
        image: The MR image, (Z, Y, X).
        label: Label map (Z, Y, X) with 0 for background and 1 for tumour.
        scene: The anatomy without the tumour.
        patient: Name of the patient (the head).
    """

    image: NDArray[np.int16]
    label: NDArray[np.uint8]
    scene: Scene
    patient: str


def make_case(settings: PhantomSettings, index: int, head: HeadFile | None = None) -> Case:
    """Make case ``index`` of a data set.

    A case depends on the seed, on its part (training or test) and on its number in this part. It does not depend on the
    number of other cases or on their order.

    Args:
        settings: Settings of the data set.
        index: Number of the case. Training cases come first.
        head: Label map of a real head. None to draw a head.

    Returns:
        The case.
    """
    is_test = index >= settings.cases
    rng = np.random.default_rng([settings.seed, int(is_test), index - settings.cases * is_test])
    x_mm, y_mm, z_mm = settings.spacing_mm
    slices = int(rng.integers(settings.slices[0], settings.slices[1] + 1))
    grid = Grid((slices, settings.in_plane, settings.in_plane), (z_mm, y_mm, x_mm))
    scene = draw_head(rng, grid) if head is None else cut_head(rng, head, grid)
    tumour = grow_tumour(rng, scene)
    image = simulate_mri(rng, scene, tumour, contrast=settings.contrast)
    return Case(image, tumour.astype(np.uint8), scene, settings.case_name(index) if head is None else head.patient)
