import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_files import write_series
from nnunet_cscn.dicom.patient_and_study import patient_and_study, series_number


def header(**elements):
    image = Dataset()
    image.PatientName, image.PatientID, image.StudyInstanceUID = "Doe^Jane", "P1", "1.2.3"
    for keyword, value in elements.items():
        setattr(image, keyword, value)
    return image


def code(value="113100"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", "Basic Profile"
    return item


def test_valid_attributes_are_taken_over_and_absent_ones_are_blank():
    taken = patient_and_study(header(PatientBirthDate="19700131", PatientSex="F", StudyID="7", PatientAge="055Y"))
    assert taken.notes == ()
    assert taken.elements.PatientName == "Doe^Jane"
    assert taken.elements.PatientBirthDate == "19700131"
    assert (taken.elements.PatientSex, taken.elements.PatientAge) == ("F", "055Y")
    assert (taken.elements.StudyDate, taken.elements.AccessionNumber) == ("", "")
    assert "PatientWeight" not in taken.elements


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "1970-00-00"),
        ("PatientBirthDate", "19700231"),
        ("PatientSex", "unknown"),
        ("PatientSex", "w"),
        ("StudyDate", "2026.01.02"),
        ("StudyTime", "12:00:00"),
        ("StudyID", "STUDY-IDENTIFIER-0123456789"),
        ("AccessionNumber", "A" * 40),
        ("PatientID", "x" * 65),
        ("StudyID", ["1", "2"]),
    ],
)
def test_an_attribute_that_breaks_the_rules_is_left_blank_with_a_note_that_does_not_quote_it(keyword, value):
    taken = patient_and_study(header(**{keyword: value}))
    assert getattr(taken.elements, keyword) == ""
    (note,) = taken.notes
    assert keyword in note
    assert str(value) not in note


@pytest.mark.filterwarnings("ignore")
def test_an_attribute_that_may_be_absent_is_left_out():
    taken = patient_and_study(header(PatientAge="old", PatientWeight="70"))
    assert "PatientAge" not in taken.elements
    assert taken.elements.PatientWeight == 70
    assert "PatientAge" in taken.notes[0]


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientIdentityRemoved": "NO"},
        {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"},
        {"PatientIdentityRemoved": "YES", "DeidentificationMethodCodeSequence": [code(), code("113107")]},
        {
            "PatientIdentityRemoved": "YES",
            "DeidentificationMethod": ["a", "b"],
            "DeidentificationMethodCodeSequence": [code()],
            "LongitudinalTemporalInformationModified": "MODIFIED",
        },
    ],
)
def test_whole_deidentification_attributes_are_taken_over(elements):
    taken = patient_and_study(header(**elements))
    assert taken.notes == ()
    for keyword, value in elements.items():
        assert taken.elements.get(keyword) == value


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientIdentityRemoved": "YES"},
        {"DeidentificationMethod": "by hand"},
        {"LongitudinalTemporalInformationModified": "REMOVED"},
        {"PatientIdentityRemoved": "PARTLY", "DeidentificationMethod": "by hand"},
        {"PatientIdentityRemoved": "YES", "DeidentificationMethodCodeSequence": [Dataset()]},
        {
            "PatientIdentityRemoved": "YES",
            "DeidentificationMethod": "x",
            "LongitudinalTemporalInformationModified": "PERHAPS",
        },
    ],
)
def test_incomplete_deidentification_attributes_are_all_left_out(elements):
    taken = patient_and_study(header(**elements))
    assert not any(keyword in taken.elements for keyword in elements)
    assert "deidentification" in taken.notes[0]


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞"),
        (["", "ISO 2022 IR 58"], "Wang^XiaoDong"),
        ("GB18030", "王^小东"),
        ("ISO_IR 100", "Müller^Jörg"),
    ],
)
def test_the_character_set_of_the_images_stays(tmp_path, charset, name):
    write_series(tmp_path, np.zeros((1, 2, 2), np.int16), SpecificCharacterSet=[charset], PatientName=name)
    taken = patient_and_study(pydicom.dcmread(next(tmp_path.iterdir())))
    assert taken.elements.SpecificCharacterSet == charset
    assert taken.elements.PatientName == name
    assert taken.notes == ()


@pytest.mark.filterwarnings("ignore")
def test_an_unknown_character_set_becomes_unicode_with_a_note():
    taken = patient_and_study(header(SpecificCharacterSet="ISO_IR 999"))
    assert taken.elements.SpecificCharacterSet == "ISO_IR 192"
    assert "SpecificCharacterSet" in taken.notes[0]


def test_names_of_regions_that_the_character_set_lacks_need_unicode():
    assert (
        patient_and_study(header(SpecificCharacterSet="ISO_IR 100"), texts=["GTVp"])
        .elements["SpecificCharacterSet"]
        .value
        == "ISO_IR 100"
    )
    taken = patient_and_study(header(SpecificCharacterSet="ISO_IR 100"), texts=["腫瘍"])
    assert taken.elements.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize(("number", "expected"), [(3, 3901), (None, 901), ("", 901), (-1, 901), (2**31 - 1, 901)])
def test_numbers_of_new_series_tell_from_which_series_they_were_made(number, expected):
    assert series_number(header(SeriesNumber=number), 901) == expected
