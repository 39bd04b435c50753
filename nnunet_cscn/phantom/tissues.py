"""Tissues, their grey values, and the speed of tumour growth in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Contrast = Literal["t1", "cet1"]


class Tissue(IntEnum):
    """The tissue of a voxel."""

    AIR = 0
    AIRWAY = 1  # the air of the pharynx, into which a tumour can grow
    CORTEX = 2
    MARROW = 3
    FAT = 4
    SKIN = 5
    MUSCLE = 6
    MUCOSA = 7
    GLAND = 8
    VESSEL = 9
    FLUID = 10
    GREY_MATTER = 11
    WHITE_MATTER = 12
    NODE = 13
    LINING = 14  # mucosa of nose and sinuses, into which a tumour grows slowly


@dataclass(frozen=True)
class Appearance:
    """The grey values of a tissue (the brightest fat is 1) and its tumour growth.

    Attributes:
        t1: Mean grey value in T1.
        cet1: Mean grey value in contrast-enhanced T1.
        spread: Standard deviation of the mean grey value between structures and patients.
        texture: Standard deviation inside one structure.
        speed: Speed of tumour growth relative to mucosa. 0 for no growth.
    """

    t1: float
    cet1: float
    spread: float
    texture: float
    speed: float


APPEARANCES: dict[Tissue, Appearance] = {
    Tissue.AIR: Appearance(0.01, 0.01, 0.0, 0.0, 0.0),
    Tissue.AIRWAY: Appearance(0.01, 0.01, 0.0, 0.0, 0.5),
    Tissue.CORTEX: Appearance(0.07, 0.07, 0.015, 0.015, 0.0),
    Tissue.MARROW: Appearance(0.72, 0.74, 0.07, 0.06, 0.0),
    Tissue.FAT: Appearance(0.92, 0.93, 0.03, 0.05, 0.45),
    Tissue.SKIN: Appearance(0.46, 0.48, 0.04, 0.03, 0.0),
    Tissue.MUSCLE: Appearance(0.26, 0.30, 0.015, 0.025, 0.4),
    Tissue.MUCOSA: Appearance(0.50, 0.66, 0.03, 0.03, 1.0),
    Tissue.LINING: Appearance(0.50, 0.66, 0.03, 0.03, 0.1),
    Tissue.GLAND: Appearance(0.60, 0.70, 0.05, 0.05, 0.1),
    Tissue.VESSEL: Appearance(0.22, 0.80, 0.12, 0.03, 0.0),
    Tissue.FLUID: Appearance(0.20, 0.21, 0.02, 0.02, 0.0),
    Tissue.GREY_MATTER: Appearance(0.48, 0.50, 0.02, 0.02, 0.0),
    Tissue.WHITE_MATTER: Appearance(0.61, 0.62, 0.02, 0.02, 0.0),
    Tissue.NODE: Appearance(0.38, 0.50, 0.04, 0.025, 0.2),
}
