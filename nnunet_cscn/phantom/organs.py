"""The organs of the drawn head: rounded bodies, with positions in mm from the back wall of the nasopharynx.

x points to the patient's left, y to the back, z to the top. Bodies are painted in this order. Later bodies are on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnunet_cscn.phantom.tissues import Tissue


@dataclass(frozen=True)
class Organ:
    """A superellipsoid |u|^p + |v|^p + |w|^p < 1, or a left-right pair of them.

    Attributes:
        tissue: Tissue of the organ.
        centre_mm: Centre (x, y, z).
        radii_mm: Radii along the axes of the body.
        power: Exponent p. 2 is an ellipsoid, 4 is nearly a box.
        tilt_deg: Rotation about x (in the sagittal plane). Positive values move the top to the back.
        turn_deg: Rotation about z (in the axial plane). Mirrored on the right side.
        is_paired: Whether there is a mirrored body on the right side.
        layers: Inner tissues, each with its depth below the surface in mm.
        patchiness: 0 is solid. With larger values, a random field makes holes (air cells, folded grey matter).
    """

    tissue: Tissue
    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    power: Literal[2, 4] = 2
    tilt_deg: float = 0.0
    turn_deg: float = 0.0
    is_paired: bool = False
    layers: tuple[tuple[Tissue, float], ...] = ()
    patchiness: float = 0.0


T = Tissue

# The envelope and the skull consist of several bodies. Each layer is painted in all bodies before the next layer.
ENVELOPE = (
    Organ(T.SKIN, (0, 5, 35), (75, 96, 92)),
    Organ(T.SKIN, (0, -28, -15), (60, 64, 62)),
    Organ(T.SKIN, (0, 28, -70), (60, 62, 110), power=4),
)
ENVELOPE_LAYERS = ((T.SKIN, 0.0), (T.FAT, 2.0))
FLESH_DEPTH_MM = 8.0  # deeper tissue is muscle with fat planes
FAT_PLANE_WIDTH = 0.3  # fat where the absolute value of the smooth field is below this
SKULL = (
    Organ(T.CORTEX, (0, -12, 86), (62, 78, 46)),
    Organ(T.CORTEX, (37, -3, 50), (25, 32, 27), is_paired=True),
    Organ(T.CORTEX, (0, 46, 36), (54, 46, 44)),
)
SKULL_LAYERS = ((T.CORTEX, 0.0), (T.MARROW, 1.6), (T.CORTEX, 4.2), (T.FLUID, 6.0), (T.GREY_MATTER, 7.8))

BRAIN = (
    Organ(T.WHITE_MATTER, (0, -12, 86), (52, 68, 36), patchiness=0.9),
    Organ(T.WHITE_MATTER, (37, -3, 50), (15, 22, 17), is_paired=True, patchiness=0.9),
    Organ(T.WHITE_MATTER, (0, 50, 34), (42, 32, 32), patchiness=0.5),
    Organ(T.FLUID, (0, 30, 10), (17, 15, 60)),
    Organ(T.WHITE_MATTER, (0, 29, 26), (14, 11, 20)),
    Organ(T.FLUID, (0, 43, 24), (6, 3, 8)),
)
SPACES = (
    Organ(T.FAT, (25, -3, -8), (9, 14, 26), turn_deg=15, is_paired=True, patchiness=1.4),
    Organ(T.FAT, (40, -42, -6), (11, 20, 22), turn_deg=-20, is_paired=True, patchiness=1.4),
    Organ(T.FAT, (32, -62, 36), (17, 20, 16), is_paired=True),
    Organ(T.FAT, (30, 18, -45), (12, 12, 40), is_paired=True, patchiness=1.4),
)
SPINE = (
    Organ(T.MUSCLE, (18, 56, -40), (16, 17, 38), is_paired=True),
    Organ(T.MUSCLE, (37, 44, -34), (10, 22, 42), turn_deg=20, is_paired=True),
    Organ(T.MUSCLE, (50, 24, -42), (8, 15, 36), turn_deg=25, is_paired=True),
    Organ(T.CORTEX, (0, 62, -48), (4, 14, 14), layers=((T.MARROW, 1.5),)),
    Organ(T.CORTEX, (14, 46, -34), (12, 5, 20), turn_deg=-30, is_paired=True, layers=((T.MARROW, 1.8),)),
    Organ(T.FLUID, (0, 37, -45), (10, 8, 50)),
    Organ(T.WHITE_MATTER, (0, 37, -45), (6, 4.5, 55)),
    Organ(T.CORTEX, (20, 23, -15), (9, 9, 9), is_paired=True, layers=((T.MARROW, 1.6),)),
    Organ(T.CORTEX, (0, 19, -21), (11, 8, 14), layers=((T.MARROW, 1.6),)),
    Organ(T.CORTEX, (0, 20, -46), (11, 8, 9.5), power=4, layers=((T.MARROW, 1.4),)),
    Organ(T.CORTEX, (0, 21, -68), (11, 8, 9.5), power=4, layers=((T.MARROW, 1.4),)),
    Organ(T.VESSEL, (14, 25, -55), (2, 2, 35), is_paired=True),
    Organ(T.MUSCLE, (7.5, 6.5, -24), (7, 4.5, 36), is_paired=True),
)
SKULL_BASE = (
    Organ(T.CORTEX, (0, 10, 16), (15, 6, 23), tilt_deg=-28, layers=((T.MARROW, 1.8),)),
    Organ(T.CORTEX, (33, 24, 12), (21, 9, 9), turn_deg=-30, is_paired=True, layers=((T.MARROW, 5.0),)),
    Organ(T.CORTEX, (51, 32, 2), (10, 14, 20), is_paired=True),
    Organ(T.AIR, (51, 32, 2), (8.5, 12, 18), is_paired=True, patchiness=1.0),
    Organ(T.CORTEX, (0, -14, 31), (19, 17, 13), layers=((T.LINING, 1.5), (T.AIR, 3.0))),
    Organ(T.CORTEX, (0, -14, 31), (0.9, 17, 13)),
    Organ(T.CORTEX, (32, -2, 17), (16, 16, 3), is_paired=True, layers=((T.MARROW, 1.2),)),
)
FACE = (
    Organ(T.MUSCLE, (51, -24, 30), (7, 22, 28), turn_deg=8, is_paired=True),
    Organ(T.CORTEX, (60, -30, 14), (2.5, 30, 4), is_paired=True, layers=((T.MARROW, 1.0),)),
    Organ(T.CORTEX, (42, -60, 12), (11, 9, 11), is_paired=True, layers=((T.MARROW, 1.5),)),
    Organ(T.FLUID, (32, -64, 36), (12, 12, 12), is_paired=True),
    Organ(T.MUSCLE, (26, -40, 36), (2, 16, 2.5), is_paired=True),
    Organ(T.CORTEX, (0, -50, 10), (46, 32, 18), layers=((T.MARROW, 1.5),)),
    Organ(T.CORTEX, (29, -48, 9), (15.5, 18, 18), is_paired=True, layers=((T.LINING, 1.2), (T.AIR, 4.0))),
    Organ(T.LINING, (0, -46, 8), (14.5, 36, 19), power=4, layers=((T.AIR, 1.6),)),
    Organ(T.LINING, (0, -48, 8), (1.8, 34, 19), power=4, layers=((T.CORTEX, 1.2),)),
    Organ(T.LINING, (8.5, -43, -1), (4, 22, 5.5), is_paired=True, layers=((T.CORTEX, 3.3),)),
    Organ(T.LINING, (7.5, -42, 13), (3, 18, 5), is_paired=True, layers=((T.CORTEX, 2.4),)),
    Organ(T.CORTEX, (0, -52, -12), (23, 26, 3.5), power=4, layers=((T.MARROW, 1.3),)),
    Organ(T.CORTEX, (0, -62, -20), (27, 20, 9), power=4, layers=((T.MARROW, 2.0),)),
    Organ(T.AIRWAY, (0, -44, -17), (17, 25, 2.2), power=4),
    Organ(T.MUSCLE, (0, -44, -38), (24, 31, 21), tilt_deg=-10),
    Organ(T.FAT, (0, -46, -38), (1.2, 24, 15)),
    Organ(T.MUSCLE, (0, -44, -64), (26, 28, 6)),
)
JAW = (
    Organ(T.MUSCLE, (30, -17, -18), (7, 13, 22), turn_deg=15, is_paired=True),
    Organ(T.MUSCLE, (33, -19, 8), (12, 13, 8), turn_deg=-20, is_paired=True),
    Organ(T.CORTEX, (48, -16, -12), (4.2, 16, 32), power=4, turn_deg=-6, is_paired=True, layers=((T.MARROW, 1.6),)),
    Organ(T.CORTEX, (34, -46, -46), (6, 30, 12), power=4, turn_deg=-28, is_paired=True, layers=((T.MARROW, 2.0),)),
    Organ(T.MUSCLE, (57, -23, -16), (6, 17, 29), turn_deg=-8, is_paired=True),
    Organ(T.GLAND, (55, 6, -14), (9, 12, 22), turn_deg=15, is_paired=True),
    Organ(T.GLAND, (33, -14, -54), (9, 14, 11), is_paired=True),
    Organ(T.CORTEX, (37, 6, -12), (1.6, 1.6, 18), tilt_deg=15, is_paired=True),
)
PHARYNX = (
    Organ(T.MUSCLE, (0, -8, -38), (18, 11, 34)),
    Organ(T.MUCOSA, (0, -8, -38), (15, 8.5, 34), layers=((T.AIRWAY, 2.5),)),
    Organ(T.MUSCLE, (0, -9, 1), (20, 12.5, 17), power=4),
    Organ(T.MUCOSA, (0, -9.5, 1), (18, 11, 15.5), power=4),
    Organ(T.AIRWAY, (0, -15, 0), (11.5, 12, 11.5), power=4),
    Organ(T.AIRWAY, (13.5, -4, 2), (3, 3, 8), turn_deg=30, is_paired=True),
    Organ(T.MUCOSA, (12.5, -10, -1), (4, 3.8, 6), is_paired=True),
    Organ(T.MUSCLE, (20, -8, 2), (2.6, 5, 13), is_paired=True),
    Organ(T.MUSCLE, (0, -21, -17), (14, 15, 4.5), tilt_deg=-25, layers=((T.MUCOSA, 2.0),)),
    Organ(T.CORTEX, (13.5, -23, -1), (1.6, 8, 15), turn_deg=8, is_paired=True),
    Organ(T.CORTEX, (20, -18, -1), (1.5, 10, 13), turn_deg=35, is_paired=True),
)
NECK = (
    Organ(T.VESSEL, (25, 9, -22), (3, 3, 58), is_paired=True),
    Organ(T.VESSEL, (31, 15, -24), (5, 4, 52), is_paired=True),
    Organ(T.VESSEL, (34, -8, -20), (1.6, 1.6, 26), is_paired=True),
    Organ(T.NODE, (38, 22, -32), (4, 3.5, 6), is_paired=True),
    Organ(T.NODE, (19, 5, -9), (2.6, 2.6, 4.5), is_paired=True),
)
ORGANS = BRAIN + SPACES + SPINE + SKULL_BASE + FACE + JAW + PHARYNX + NECK

# Organs that the label maps of real heads do not contain.
SOFT_ORGANS = (*SPACES, *(organ for organ in JAW + NECK if organ.tissue in (T.MUSCLE, T.GLAND, T.NODE)))
