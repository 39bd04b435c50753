"""Tissues, their grey values, and what a tumour does to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Contrast = Literal["t1", "cet1"]


class Tissue(IntEnum):
    """What a voxel is made of."""

    AIR = 0
    AIRWAY = 1  # the air of the pharynx, which a tumour can fill
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
class Look:
    """How a tissue looks, with the brightest fat at 1.

    Attributes:
        t1: Mean grey value in T1.
        cet1: Mean grey value in T1 after contrast agent.
        spread: Standard deviation of the mean between structures and patients.
        texture: Standard deviation inside one structure.
        speed: How fast a tumour grows into it, mucosa at 1; 0: never.
    """

    t1: float
    cet1: float
    spread: float
    texture: float
    speed: float


LOOKS: dict[Tissue, Look] = {
    Tissue.AIR: Look(0.01, 0.01, 0.0, 0.0, 0.0),
    Tissue.AIRWAY: Look(0.01, 0.01, 0.0, 0.0, 0.5),
    Tissue.CORTEX: Look(0.07, 0.07, 0.015, 0.015, 0.0),
    Tissue.MARROW: Look(0.72, 0.74, 0.07, 0.06, 0.0),
    Tissue.FAT: Look(0.92, 0.93, 0.03, 0.05, 0.45),
    Tissue.SKIN: Look(0.46, 0.48, 0.04, 0.03, 0.0),
    Tissue.MUSCLE: Look(0.26, 0.30, 0.015, 0.025, 0.4),
    Tissue.MUCOSA: Look(0.50, 0.66, 0.03, 0.03, 1.0),
    Tissue.LINING: Look(0.50, 0.66, 0.03, 0.03, 0.1),
    Tissue.GLAND: Look(0.60, 0.70, 0.05, 0.05, 0.1),
    Tissue.VESSEL: Look(0.22, 0.80, 0.12, 0.03, 0.0),
    Tissue.FLUID: Look(0.20, 0.21, 0.02, 0.02, 0.0),
    Tissue.GREY_MATTER: Look(0.48, 0.50, 0.02, 0.02, 0.0),
    Tissue.WHITE_MATTER: Look(0.61, 0.62, 0.02, 0.02, 0.0),
    Tissue.NODE: Look(0.38, 0.50, 0.04, 0.025, 0.2),
}
