"""Reports about label maps in other formats than NIfTI."""

import numpy as np
import pytest
import SimpleITK
from skimage.io import imsave

from nnunet_cscn.workflows.report import write_report


def volumes(n_slices):
    reference = np.zeros((n_slices, 24, 20), np.uint8)
    reference[n_slices // 2 :, 6:16, 5:15] = 1
    return np.roll(reference, 1, axis=2), reference


def test_a_report_on_itks_formats(tmp_path):
    for folder, name, voxels in zip("pri", ("a", "a", "a_0000"), (*volumes(4), volumes(4)[1] * 9), strict=True):
        (tmp_path / folder).mkdir()
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(tmp_path / folder / f"{name}.nrrd"))
    report = write_report(tmp_path / "r.html", tmp_path / "p", tmp_path / "r", images=tmp_path / "i", cases=["a"])
    assert report.scores.cases["a"]["1"].counts.dsc == pytest.approx(0.9)
    assert report.file.stat().st_size > 0


def test_a_report_on_coloured_pictures_notes_that_distances_are_in_pixels(tmp_path):
    for folder, voxels in zip("pr", volumes(1), strict=True):
        (tmp_path / folder).mkdir()
        imsave(tmp_path / folder / "a.png", voxels[0], check_contrast=False)
    (tmp_path / "i").mkdir()
    colours = np.random.default_rng(0).integers(0, 255, (24, 20, 3), np.uint8)
    imsave(tmp_path / "i" / "a_0000.png", colours, check_contrast=False)
    report = write_report(tmp_path / "r.html", tmp_path / "p", tmp_path / "r", images=tmp_path / "i")
    assert "distances are in pixels" in report.file.read_text(encoding="utf-8")
