import subprocess
import sys

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.nifti import writing
from nnunet_cscn.nifti.grids import grid_differences, read_grid


def test_voxels_and_geometry_come_back(tmp_path, write_volume):
    grid = read_grid(write_volume(tmp_path / "oblique.nii.gz", np.zeros((2, 3, 4), np.uint8)))
    voxels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    writing.write_volume(tmp_path / "new" / "copy.nii.gz", voxels, grid)
    assert grid_differences(read_grid(tmp_path / "new" / "copy.nii.gz"), grid, "the other", tolerance=1e-6) == []
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "new" / "copy.nii.gz")))
    assert (read == voxels).all()
    assert read.dtype == np.uint16


def test_another_shape_is_refused(tmp_path, write_volume):
    grid = read_grid(write_volume(tmp_path / "a.nii.gz", np.zeros((2, 3, 4), np.uint8)))
    with pytest.raises(ValueError, match=r"expected the grid's shape \(2, 3, 4\), got \(4, 3, 2\)"):
        writing.write_volume(tmp_path / "b.nii.gz", np.zeros((4, 3, 2), np.uint8), grid)


@pytest.mark.parametrize("ending", [".nii.gz", ".mha"])
def test_a_file_that_the_disk_cannot_hold_is_told_and_never_left(tmp_path, ending):
    """In a process of its own whose files may have 1,000 bytes; ITK says nothing of it."""
    program = f"""
import resource, signal
import numpy as np
from pathlib import Path
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.nifti.writing import write_volume
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
grid = Grid((40, 40, 40), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
voxels = np.random.default_rng(0).integers(0, 255, (40, 40, 40)).astype(np.uint8)
try:
    write_volume(Path({str(tmp_path / ("a" + ending))!r}), voxels, grid)
except OSError as fault:
    print("told:", fault)
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert "told: [Errno 5] it could not be written whole" in shown.stdout
    assert list(tmp_path.iterdir()) == []
