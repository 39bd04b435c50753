"""Damaged lengths of elements, for which ITK would reserve up to 4 GB."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_files import write_series
from nnunet_cscn.dicom.element_lengths import has_damaged_lengths

VOXELS = np.random.default_rng(0).integers(0, 900, (1, 20, 24)).astype(np.int16)


@pytest.fixture
def file(tmp_path):
    write_series(tmp_path / "series", VOXELS)
    (file,) = (tmp_path / "series").iterdir()
    return file


def is_damaged(file):
    return has_damaged_lengths(file)


def replace(file, old, new):
    content = file.read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))


def test_a_whole_file_is_not_damaged(file):
    assert not is_damaged(file)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_whole_file_of_another_syntax_is_not_damaged(file, syntax):
    content = pydicom.Dataset(pydicom.dcmread(file))
    content.file_meta = pydicom.dataset.FileMetaDataset()
    content.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(file, content, enforce_file_format=True)
    assert not is_damaged(file)


def test_a_whole_file_without_the_prefix_is_not_damaged(file):
    content = file.read_bytes()
    start = content.index(b"\x08\x00\x08\x00CS")  # ImageType, the first element of the data set
    file.write_bytes(content[start:])
    assert not is_damaged(file)


def test_pixels_that_claim_more_than_the_file_holds(file):
    n_bytes = VOXELS.nbytes
    replace(file, b"OW\0\0" + n_bytes.to_bytes(4, "little"), b"OW\0\0" + (n_bytes | 1 << 30).to_bytes(4, "little"))
    assert is_damaged(file)


def test_meta_information_that_claims_more_than_the_file_holds(file):
    replace(file, b"\x02\x00\x01\x00OB\0\0\x02\0\0\0", b"\x02\x00\x01\x00OB\0\0\x02\0\0\x40")
    assert is_damaged(file)


def test_meta_information_of_an_unknown_type(file):
    """ITK would take the next bytes for a length."""
    replace(file, b"\x02\x00\x02\x00UI", b"\x02\x00\x02\x00WI")
    assert is_damaged(file)
