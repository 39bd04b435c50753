"""Studies of two patients with a series and contours each, and what their tests look at."""

import numpy as np
import pydicom
import SimpleITK

from dicom_files import oblique, write_series, write_structures

VOXELS = np.random.default_rng(0).integers(0, 900, (4, 20, 24)).astype(np.int16)


def square(slices, index, low, high):
    """A contour on one slice, from and to (column, row)."""
    cosines = np.array(slices[0].ImageOrientationPatient, float)
    along, down = cosines[:3], cosines[3:]
    origin = np.array(slices[index].ImagePositionPatient, float)
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    return np.array([origin + column * 1.1 * along + row * 0.8 * down for column, row in corners])


def write_studies(root):
    """Two patients; the first one with two studies. GTVp has 4 x 6 voxels on slices 1 and 2; GTVn 3 x 3 on slice 2."""
    for number, patient in enumerate(("Secret-B", "Secret-A", "Secret-A")):
        folder = root / f"Secret^{patient}" / str(number)
        slices = write_series(folder / "mr", VOXELS + number, orientation=oblique(), patient=patient)
        contours = {
            "BODY": [],
            "GTV_primary": [square(slices, index, (3.5, 5.5), (7.5, 11.5)) for index in (1, 2)],
            "GTVn": [square(slices, 2, (12.5, 5.5), (15.5, 8.5))],
        }
        write_structures(folder / "rt", contours, slices=slices, patient=patient)
    return root


def second_slice(folder):
    """The lower one of the two slices that carry contours."""
    return sorted(folder.iterdir(), key=lambda file: pydicom.dcmread(file).ImagePositionPatient[2])[1]


def read(file):
    image = SimpleITK.ReadImage(str(file))
    return SimpleITK.GetArrayFromImage(image), image
