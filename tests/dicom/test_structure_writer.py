import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique, write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structure_writer import contour_points, write_structures
from nnunet_cscn.dicom.structures import read_structures

NOW = datetime(2026, 1, 2, 3, 4, 5)
SHAPE = (5, 24, 30)
PLASTIMATCH = shutil.which("plastimatch", path=str(Path(sys.executable).parent))  # an independent reader


def blobs():
    """A tumour with a hole and an island beside it."""
    z, y, x = np.indices(SHAPE)
    mask = ((z - 2) * 3) ** 2 + (y - 12) ** 2 + (x - 13) ** 2 <= 64
    mask[2, 11:14, 12:15] = False
    mask[3, 3:5, 24:27] = True
    return mask


@pytest.fixture(params=[AXIAL, CORONAL, SAGITTAL, oblique()], ids=["axial", "coronal", "sagittal", "oblique"])
def series(request, tmp_path):
    write_series(tmp_path / "mr", np.zeros(SHAPE, np.int16), orientation=request.param)
    (found,), _ = image_series(read_headers(tmp_path / "mr"))
    return found


@pytest.fixture
def written(series, tmp_path):
    file = tmp_path / "out" / "rt.dcm"
    write_structures(file, {"GTVp": blobs(), "GTVn": np.zeros(SHAPE, bool)}, series, label="CSCN", now=NOW)
    return file


def test_masks_and_volumes_come_back(series, written):
    structures = read_structures(written)
    assert list(structures.contours) == ["GTVp", "GTVn"]
    assert series_of(structures, [series]).series is series
    assert (rasterise(structures.contours["GTVp"], series.stack) == blobs()).all()
    area = 0.0
    for contour in structures.contours["GTVp"]:
        x, y = (series.stack.pixel_coordinates(contour) * (1.1, 0.8)).T
        area += 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    assert area * 3.0 == pytest.approx(blobs().sum() * 1.1 * 0.8 * 3.0, rel=1e-4)


def test_points_are_where_simpleitk_says(series, tmp_path):
    grid = series.stack.grid()
    image = SimpleITK.Image(grid.shape, SimpleITK.sitkUInt8)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    for index, points in contour_points(blobs(), series):
        for column, row, point in zip(*series.stack.pixel_coordinates(points).T, points, strict=True):
            expected = image.TransformContinuousIndexToPhysicalPoint((column, row, float(index)))
            assert np.abs(np.subtract(expected, point)).max() < 0.01


def test_the_file_says_what_radiotherapy_expects(series, written):
    content = pydicom.dcmread(written)
    assert content.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert content.ApprovalStatus == "UNAPPROVED"
    assert [roi.ROIGenerationAlgorithm for roi in content.StructureSetROISequence] == ["AUTOMATIC"] * 2
    assert [each.RTROIInterpretedType for each in content.RTROIObservationsSequence] == ["GTV"] * 2
    assert len({tuple(region.ROIDisplayColor) for region in content.ROIContourSequence}) == 2
    assert content.PatientID == "Secret^Name-17"
    assert content.StudyInstanceUID == series.study
    assert content.SeriesInstanceUID != series.uid
    (frame,) = content.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == series.frame_of_reference
    (referenced,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == series.uid
    assert [image.ReferencedSOPInstanceUID for image in referenced.ContourImageSequence] == list(series.instances)
    for contour in content.ROIContourSequence[0].ContourSequence:
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        assert len(contour.ContourData) == 3 * contour.NumberOfContourPoints
        heights = series.stack.heights_mm([float(value) for value in contour.ContourData])
        (image,) = contour.ContourImageSequence
        at = series.stack.positions_mm[series.instances.index(image.ReferencedSOPInstanceUID)]
        assert np.abs(heights - at).max() < 0.01


def test_decimal_strings_keep_to_sixteen_characters(written):
    raw = written.read_bytes()
    content = pydicom.dcmread(written)
    for contour in content.ROIContourSequence[0].ContourSequence:
        stored = contour.get_item("ContourData").value
        texts = stored.decode().split("\\") if isinstance(stored, bytes) else [str(value) for value in stored]
        assert max(len(text.strip()) for text in texts) <= 16
    assert raw[128:132] == b"DICM"


def test_blank_tags_of_the_images_are_tolerated(tmp_path):
    write_series(tmp_path / "mr", np.zeros(SHAPE, np.int16), FrameOfReferenceUID="", PatientID="")
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    write_structures(tmp_path / "rt.dcm", {"GTVp": blobs()}, series, label="CSCN", now=NOW)
    assert (rasterise(read_structures(tmp_path / "rt.dcm").contours["GTVp"], series.stack) == blobs()).all()


def test_a_contour_that_is_too_long_for_explicit_vr_is_written_nevertheless(tmp_path):
    shape = (2, 160, 160)
    write_series(tmp_path / "mr", np.zeros(shape, np.int16))
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    sieve = np.zeros(shape, bool)
    sieve[0, 1:-1, 1:-1] = True
    sieve[0, 3:-3:3, 3:-3:3] = False  # holes everywhere, all joined to one contour
    write_structures(tmp_path / "rt.dcm", {"GTVp": sieve}, series, label="CSCN", now=NOW)
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    assert content.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert content.ROIContourSequence[0].ContourSequence[0]["ContourData"].VR == "DS"
    assert (rasterise(read_structures(tmp_path / "rt.dcm").contours["GTVp"], series.stack) == sieve).all()


def test_an_empty_region_has_no_contours_at_all(written):
    content = pydicom.dcmread(written)
    assert "ContourSequence" in content.ROIContourSequence[0]
    assert "ContourSequence" not in content.ROIContourSequence[1]


def test_a_mask_of_another_shape_is_refused(series, tmp_path):
    with pytest.raises(ValueError, match="GTVp has shape"):
        write_structures(tmp_path / "rt.dcm", {"GTVp": np.zeros((1, 2, 3), bool)}, series, label="CSCN", now=NOW)
    assert not (tmp_path / "rt.dcm").exists()


@pytest.mark.skipif(PLASTIMATCH is None, reason="plastimatch is not installed: pip install plastimatch")
def test_plastimatch_reads_the_same_mask_on_the_series(series, written, tmp_path):
    command = [PLASTIMATCH, "convert", "--input", written, "--referenced-ct", series.files[0].parent]
    subprocess.run([*command, "--output-prefix", tmp_path / "masks", "--prefix-format", "nii"], check=True)
    image = SimpleITK.ReadImage(str(tmp_path / "masks" / "GTVp.nii"))
    grid = series.stack.grid()
    own = SimpleITK.GetImageFromArray(blobs().astype(np.uint8))
    own.SetSpacing(grid.spacing_mm)
    own.SetOrigin(grid.origin_mm)
    own.SetDirection(grid.direction)
    found = SimpleITK.Resample(image, own, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    overlap = SimpleITK.GetArrayFromImage(found) > 0
    assert 2 * (overlap & blobs()).sum() / (overlap.sum() + blobs().sum()) >= 0.99
    assert overlap.sum() == pytest.approx(blobs().sum(), rel=0.01)
