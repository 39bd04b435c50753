"""RTSTRUCT and SEG against the standard: by its tables, and by dciodvfy where it is installed."""

import shutil
import subprocess
from datetime import datetime

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique, write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structure_writer import write_structures

DCIODVFY = shutil.which("dciodvfy")  # Debian's package dicom3tools
SHAPE = (5, 12, 16)

# PS3.3, the modules of the IODs (A.19.3 and A.51.3): attributes of type 1 have a value, those of type 2 are there.
COMMON_1 = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality")
COMMON_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("SeriesNumber", "Manufacturer"),
)
TYPE_1 = {
    "rtstruct": ("StructureSetLabel", "StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence"),
    "seg": (
        *("SeriesNumber", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
        *("ImageType", "InstanceNumber", "ContentLabel", "SegmentationType", "SegmentSequence", "FrameOfReferenceUID"),
        *("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("ContentDate", "ContentTime", "DimensionOrganizationSequence", "ReferencedSeriesSequence"),
    ),
}
TYPE_2 = {
    "rtstruct": ("StructureSetDate", "StructureSetTime", "OperatorsName", "PositionReferenceIndicator"),
    "seg": ("ContentDescription", "ContentCreatorName", "PositionReferenceIndicator"),
}
IN_ITEMS_1 = {
    "StructureSetROISequence": ("ROINumber", "ReferencedFrameOfReferenceUID"),
    "RTROIObservationsSequence": ("ObservationNumber", "ReferencedROINumber"),
    "SegmentSequence": ("SegmentNumber", "SegmentLabel", "SegmentAlgorithmType", "SegmentAlgorithmName"),
}
IN_ITEMS_2 = {
    "StructureSetROISequence": ("ROIName", "ROIGenerationAlgorithm"),
    "RTROIObservationsSequence": ("RTROIInterpretedType", "ROIInterpreter"),
}


@pytest.fixture
def written(tmp_path):
    """Write both objects for a series; returns them, their files, and the notes of both writers."""

    def write(orientation=AXIAL, **elements):
        write_series(tmp_path / "mr", np.zeros(SHAPE, np.int16), orientation=orientation, **elements)
        (series,), _ = image_series(read_headers(tmp_path / "mr"))
        masks = {"GTVp": np.zeros(SHAPE, bool), "GTVn": np.zeros(SHAPE, bool)}
        masks["GTVp"][1:3, 3:8, 4:9] = True
        masks["GTVn"][3, 9:11, 2:5] = True
        files = {"rtstruct": tmp_path / "rtstruct.dcm", "seg": tmp_path / "seg.dcm"}
        now, name = datetime(2026, 1, 2, 3, 4, 5), "Dataset950_NPC CSCNTrainer 3d_fullres"
        notes = [
            write_structures(files["rtstruct"], masks, series, label="D950 CSCN", now=now, name=name),
            write_segmentation(files["seg"], masks, series, model=name),
        ]
        return {kind: pydicom.dcmread(file) for kind, file in files.items()}, files, notes

    return write


@pytest.mark.parametrize("kind", ["rtstruct", "seg"])
def test_attributes_that_the_standard_requires_are_there(written, kind):
    content = written()[0][kind]
    for keyword in (*COMMON_1, *TYPE_1[kind]):
        assert content.get(keyword) not in (None, ""), keyword
    for keyword in (*COMMON_2, *TYPE_2[kind]):
        assert keyword in content, keyword
    for of_items, needs_value in ((IN_ITEMS_1, True), (IN_ITEMS_2, False)):
        for sequence, keywords in of_items.items():
            for item in content.get(sequence) or ():
                for keyword in keywords:
                    assert keyword in item, keyword
                    assert item.get(keyword) not in (None, "") or not needs_value, keyword


def test_series_numbers_and_the_label_name_the_origin(written):
    contents, _, notes = written(SeriesNumber=4)
    assert contents["rtstruct"].SeriesNumber != contents["seg"].SeriesNumber
    assert all(4000 < content.SeriesNumber < 5000 for content in contents.values())
    assert contents["rtstruct"].StructureSetLabel == "D950 CSCN"
    assert contents["rtstruct"].StructureSetName == "Dataset950_NPC CSCNTrainer 3d_fullres"
    assert notes == [(), ()]


def test_a_label_of_more_than_sixteen_characters_is_cut(tmp_path):
    write_series(tmp_path / "mr", np.zeros(SHAPE, np.int16))
    (series,), _ = image_series(read_headers(tmp_path / "mr"))
    write_structures(tmp_path / "rt.dcm", {}, series, label="D950 CSCNStaged_250", now=datetime(2026, 1, 2))
    assert pydicom.dcmread(tmp_path / "rt.dcm").StructureSetLabel == "D950 CSCNStaged"


@pytest.mark.filterwarnings("ignore")
def test_attributes_that_break_the_rules_cost_nothing_but_themselves(written):
    contents, _, notes = written(PatientBirthDate="1970-00-00", PatientSex="unknown", StudyTime="12:00:00")
    assert notes[0] == notes[1]
    assert [note.split()[0] for note in notes[0]] == ["PatientBirthDate", "PatientSex", "StudyTime"]
    for content in contents.values():
        assert (content.PatientBirthDate, content.PatientSex, content.StudyTime) == ("", "", "")
        assert content.PatientID == "Secret^Name-17"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞"),
        (["", "ISO 2022 IR 58"], "Wang^XiaoDong"),
    ],
)
def test_character_sets_with_a_blank_first_value_leave_the_name_intact(written, charset, name):
    contents, _, notes = written(SpecificCharacterSet=[charset] * SHAPE[0], PatientName=name)
    assert notes == [(), ()]
    for content in contents.values():
        assert content.PatientName == name


def test_deidentification_attributes_are_in_both(written):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic Profile"
    elements = {"PatientIdentityRemoved": "YES", "LongitudinalTemporalInformationModified": "REMOVED"}
    contents, _, _ = written(**elements, DeidentificationMethodCodeSequence=pydicom.Sequence([code]))
    for content in contents.values():
        assert content.PatientIdentityRemoved == "YES"
        assert content.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert content.LongitudinalTemporalInformationModified == "REMOVED"


def test_the_segmentation_names_the_model(written):
    _, files, _ = written()
    (algorithm,) = hd.seg.segread(files["seg"]).SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert "Dataset950_NPC" in str(algorithm.AlgorithmParameters)


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed: Debian's package dicom3tools has it")
@pytest.mark.parametrize(
    "plane", [AXIAL, CORONAL, SAGITTAL, oblique()], ids=["axial", "coronal", "sagittal", "oblique"]
)
@pytest.mark.parametrize("charset", ["ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_dciodvfy_finds_no_error(written, plane, charset):
    removed = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"}
    _, files, _ = written(plane, SpecificCharacterSet=[charset] * SHAPE[0], **removed)
    for file in files.values():
        assert DCIODVFY is not None
        shown = subprocess.run([DCIODVFY, file], check=False, capture_output=True)
        lines = (shown.stdout + shown.stderr).decode("utf-8", errors="replace").splitlines()
        assert lines
        assert [line for line in lines if line.startswith("Error")] == []
