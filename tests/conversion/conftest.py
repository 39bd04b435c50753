from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_slices() -> Callable[[Path, Mapping[int, tuple[np.ndarray, np.ndarray]]], None]:
    """Return a function that writes slices and masks as Kaggle's "LGG Segmentation Dataset" has them."""

    def write(folder: Path, slices: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> None:
        folder.mkdir(parents=True)
        for number, (image, mask) in slices.items():
            Image.fromarray(image).save(folder / f"{folder.name}_{number}.tif")
            Image.fromarray(mask).save(folder / f"{folder.name}_{number}_mask.tif")

    return write
