import re
from pathlib import Path

import pytest

import nnunet_cscn

PACKAGE = Path(nnunet_cscn.__file__).parent
BELOW = {
    "conversion": {"conversion", "dicom", "formats", "nifti", "splits", "csv_files", "files", "errors"},
    "formats": {"formats", "nifti", "nnunet", "files", "errors"},
    "dicom": {"dicom", "nifti", "files", "errors"},
    "nifti": {"nifti", "files", "errors"},
}


@pytest.mark.parametrize("room", BELOW)
def test_imports_point_downwards(room):
    for file in (PACKAGE / room).glob("*.py"):
        found = set(
            re.findall(r"^\s*(?:from|import) nnunet_cscn\.(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert found <= BELOW[room], file.name


@pytest.mark.parametrize("room", [*BELOW, "workflows"])
def test_no_sentence_speaks_of_a_flag(room):
    for file in (PACKAGE / room).glob("convert*.py" if room == "workflows" else "*.py"):
        assert not re.search(r"(?<![\w-])--[a-z]", file.read_text(encoding="utf-8")), file.name
