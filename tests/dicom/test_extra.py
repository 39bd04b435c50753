import pytest

from nnunet_cscn.dicom.extra import needs_dicom_extra
from nnunet_cscn.errors import UserError


def test_a_missing_package_is_told_with_how_to_install_it():
    with pytest.raises(UserError, match=r"pip install 'nnunet-cscn\[dicom\]'"), needs_dicom_extra():
        raise ModuleNotFoundError("No module named 'pydicom'")


def test_whatever_else_goes_wrong_is_left_alone():
    with pytest.raises(KeyError), needs_dicom_extra():
        raise KeyError("else")
