"""Studies with regions that were drawn in every way that hospitals' files have, and how they come out of a conversion.

The phantom is ten slices of 20 x 24 pixels of 0.8 x 1.1 mm, 3 mm apart; GTVp has 6 x 8 = 48 pixels on slices 2 to 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from dicom_files import write_series
from dicom_files import write_structures as write_bare_structures
from nnunet_cscn.workflows import convert_cases
from nnunet_cscn.workflows.convert_dicom import convert_dicom

SHAPE = (10, 20, 24)
SLICES = range(2, 7)
LOW, HIGH = (3.5, 5.5), (9.5, 13.5)  # (column, row): 6 columns and 8 rows
VOXELS = np.random.default_rng(0).integers(-50, 900, SHAPE).astype(np.int16)


@dataclass
class Contour:
    """A contour to be written, in the patient's coordinates."""

    points: np.ndarray
    image: str = ""
    kind: str = "CLOSED_PLANAR"


def phantom(folder, voxels=VOXELS, **options):
    """The slices of a series, in their order."""
    return write_series(folder, voxels, patient=options.pop("patient", "P1"), **options)


def corners(slices, index, low=LOW, high=HIGH, *, off_mm=0.0):
    """A box on a slice from and to (column, row), some way off along the normal."""
    cosines = np.array([float(value) for value in slices[0].ImageOrientationPatient])
    along, down = cosines[:3], cosines[3:]
    row_step, column_step = (float(value) for value in slices[0].PixelSpacing)
    origin = np.array([float(value) for value in slices[index].ImagePositionPatient])
    origin = origin + off_mm * np.cross(along, down)
    places = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    return np.array([origin + x * column_step * along + y * row_step * down for x, y in places])


def boxes(slices, numbers=SLICES, low=LOW, high=HIGH, *, off_mm=0.0, kind="CLOSED_PLANAR"):
    """One box on each of some slices, with the image that it was drawn on."""
    return [
        Contour(corners(slices, index, low, high, off_mm=off_mm), slices[index].SOPInstanceUID, kind)
        for index in numbers
    ]


def write_regions(file, regions, slices=(), *, patient="P1", names=None, **elements):
    """Write an RTSTRUCT of contours; `names` are the regions' names in their order, where two have the same."""
    bare = {name: [contour.points for contour in contours] for name, contours in regions.items()}
    write_bare_structures(file, bare, slices=slices, patient=patient)
    content = pydicom.dcmread(file)
    for roi, drawn, contours in zip(
        content.StructureSetROISequence, content.ROIContourSequence, regions.values(), strict=True
    ):
        for item, contour in zip(drawn.ContourSequence, contours, strict=True):
            item.ContourGeometricType = contour.kind
            if contour.image:
                image = Dataset()
                image.ReferencedSOPInstanceUID = contour.image
                item.ContourImageSequence = [image]
        if names:
            roi.ROIName = names[roi.ROINumber - 1]
    for keyword, value in elements.items():
        setattr(content, keyword, value)
    content.save_as(file, enforce_file_format=True)
    return content


def named_series(uid, frame, images=()):
    """An item of ReferencedFrameOfReferenceSequence that names a series and its images."""
    frame_item, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = uid, []
    for each in images:
        image = Dataset()
        image.ReferencedSOPInstanceUID = each
        series.ContourImageSequence.append(image)
    study.RTReferencedSeriesSequence = [series]
    frame_item.FrameOfReferenceUID, frame_item.RTReferencedStudySequence = frame, [study]
    return frame_item


@dataclass
class Outcome:
    """What a conversion left: label maps, images, notes and details by case, and problems."""

    labels: list[np.ndarray]
    images: list[SimpleITK.Image]
    notes: list[str]
    details: list[dict]
    problems: list[str]

    @property
    def counts(self):
        """Voxels of each value above 0, for each case."""
        return [[int((labels == value).sum()) for value in range(1, int(labels.max()) + 1)] for labels in self.labels]


def convert(source, rois=("GTVp",), **options):
    """Convert studies without drawing pictures; the data set lies beside the source."""
    out = Path(f"{source}_raw")
    wanted = rois if isinstance(rois, dict) else {name: name for name in rois}
    with mock.patch.object(convert_cases, "draw_cases"):
        result = convert_dicom(source, out, dataset_id=950, rois=wanted, workers=1, **options)
    folder, cases = result.folder, list(result.converted)
    return Outcome(
        [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / f"labelsTr/{case}.nii.gz"))) for case in cases],
        [SimpleITK.ReadImage(str(folder / f"imagesTr/{case}_0000.nii.gz")) for case in cases],
        ["; ".join(case.notes) for case in result.converted.values()],
        [dict(case.details) for case in result.converted.values()],
        list(result.problems.values()),
    )


def segment(number, label):
    """The description of a segment."""
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def segmentation(slices, masks, labels, *, kind="BINARY"):
    """A SEG on some slices, not yet written; `masks` has the labels along its last axis, or is a label map."""
    for each in slices:
        each.SliceThickness, each.PositionReferenceIndicator = 3.0, ""
        for keyword in ("PatientBirthDate", "PatientSex", "StudyTime", "StudyID", "AccessionNumber"):
            setattr(each, keyword, "")
    return hd.seg.Segmentation(
        source_images=slices,
        pixel_array=masks,
        segmentation_type=kind,
        segment_descriptions=[segment(number, label) for number, label in enumerate(labels, start=1)],
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    )


def mask(low=LOW, high=HIGH, numbers=SLICES, shape=SHAPE):
    """The voxels of a box, as `boxes` draws it."""
    voxels = np.zeros(shape, np.uint8)
    rows, columns = (slice(int(low[axis] + 0.5), int(high[axis] + 0.5)) for axis in (1, 0))
    for index in numbers:
        voxels[index, rows, columns] = 1
    return voxels
