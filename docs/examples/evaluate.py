"""Score predictions against references, compare two methods, and write a report."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import SimpleITK as sitk

import nnunet_cscn as cscn


def write(file: Path, mask: np.ndarray) -> None:
    """Write a label map of 3 x 1 x 1 mm."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing((1.0, 1.0, 3.0))
    file.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(file))


# Two methods: the first one marks too much, the second one is shifted by a voxel.
folder = Path(mkdtemp())
for index in range(6):
    truth = np.zeros((8, 32, 32), dtype=bool)
    truth[2:6, 10:20, 10 + index : 20 + index] = True
    large = np.zeros_like(truth)
    large[2:6, 8:22, 8 + index : 22 + index] = True
    write(folder / "truth" / f"case_{index}.nii.gz", truth)
    write(folder / "large" / f"case_{index}.nii.gz", large)
    write(folder / "shifted" / f"case_{index}.nii.gz", np.roll(truth, 1, axis=2))

scores = cscn.evaluate_folders(folder / "shifted", folder / "truth", labels={"GTVp": 1})
print(scores.to_dataframe()[["case", "label", "dsc", "assd_mm"]])

comparison = cscn.compare_folders(
    {"large": folder / "large", "shifted": folder / "shifted"}, folder / "truth", labels={"GTVp": 1}
)
print(comparison.to_dataframe())

# One pair of arrays, without files.
print(cscn.evaluate_masks(np.roll(truth, 1, axis=2), truth, (3.0, 1.0, 1.0)).to_dict()["dsc"])

report = cscn.write_report(folder / "report.html", folder / "shifted", folder / "truth", labels={"GTVp": 1})
print(report.file)
