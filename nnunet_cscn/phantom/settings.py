"""The settings of a synthetic data set."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.phantom.tissues import Contrast

SMALLEST_VIEW_MM = 60  # a head with a tumour needs that much along each axis


@dataclass(frozen=True)
class PhantomSettings:
    """The settings of a synthetic data set. The same settings give the same voxels.

    Attributes:
        cases: Number of training cases.
        test_cases: Number of test cases.
        seed: Random seed.
        dataset_id: nnU-Net's number of the data set, from 1 to 999.
        name: Name of the data set. The names of its cases start with it.
        contrast: T1, or contrast-enhanced T1.
        anatomy: Folder of label maps of real heads. None to draw heads.
        in_plane: Number of voxels along x and y.
        slices: Smallest and largest number of slices. The number is random for each case.
        spacing_mm: Size of a voxel along (x, y, z).

    Raises:
        ArgumentError: When a value is not valid.
    """

    cases: int = 24
    test_cases: int = 8
    seed: int = 0
    dataset_id: int = 901
    name: str = "NPC"
    contrast: Contrast = "t1"
    anatomy: Path | None = None
    in_plane: int = 160
    slices: tuple[int, int] = (28, 36)
    spacing_mm: tuple[float, float, float] = (0.6, 0.6, 3.0)

    @classmethod
    def for_heads(cls, anatomy: Path, **changes: Any) -> PhantomSettings:
        """Return the settings of ``npc_synth``, the data set from real heads.

        The voxels are 1 x 1 x 3 mm, because the label maps have a resolution of 1 mm. 128 x 128 voxels cover the region
        around the skull base and are small enough for training without a GPU.

        Args:
            anatomy: Folder of label maps of real heads.
            changes: Fields that differ from the defaults.

        Returns:
            The settings.
        """
        usual: dict[str, Any] = {
            "cases": 60, "test_cases": 20, "dataset_id": 903, "name": "npc_synth",
            "in_plane": 128, "slices": (30, 36), "spacing_mm": (1.0, 1.0, 3.0),
        }  # fmt: skip
        return cls(anatomy=anatomy, **(usual | changes))

    def __post_init__(self) -> None:
        _require(self.cases >= 1, "cases", "1 or more", self.cases)
        _require(self.test_cases >= 0, "test_cases", "0 or more", self.test_cases)
        _require(self.seed >= 0, "seed", "0 or more", self.seed)
        _require(1 <= self.dataset_id <= 999, "dataset_id", "1 to 999", self.dataset_id)
        is_plain = self.name.isascii() and self.name.replace("_", "").replace("-", "").isalnum()
        _require(is_plain, "name", "letters, digits, - and _", self.name)
        _require(self.contrast in ("t1", "cet1"), "contrast", "t1 or cet1", self.contrast)
        low, high = self.slices
        _require(1 <= low <= high, "slices", "a smallest and a largest number", self.slices)
        _require(min(self.spacing_mm) > 0, "spacing_mm", "3 positive numbers", self.spacing_mm)
        for argument, voxels, spacing in (
            ("in_plane", self.in_plane, min(self.spacing_mm[:2])),
            ("slices", low, self.spacing_mm[2]),
        ):
            expected = f"{ceil(SMALLEST_VIEW_MM / spacing)} or more ({SMALLEST_VIEW_MM} mm, to hold a tumour)"
            _require(voxels * spacing >= SMALLEST_VIEW_MM, argument, expected, voxels)

    @property
    def folder_name(self) -> str:
        """Name of the folder of the data set."""
        return f"Dataset{self.dataset_id:03d}_{self.name}"

    @property
    def total(self) -> int:
        """Number of training and test cases together."""
        return self.cases + self.test_cases

    def case_name(self, index: int) -> str:
        """Return the name of a case. Training cases come first."""
        return f"{self.name}_{index:03d}"


def _require(is_right: bool, argument: str, expected: str, got: object) -> None:
    if not is_right:
        raise ArgumentError(argument, f"expected {expected}, got {got}")
