import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.nifti.text_headers import check_text_header


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "a.mha"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ones((3, 4, 5), np.uint8)), str(file))
    return file


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5), (3, 4, 5, 2)])
def test_headers_of_itk_pass(tmp_path, ending, shape):
    image = SimpleITK.GetImageFromArray(np.ones(shape, np.uint8), isVector=shape[-1] == 2)
    SimpleITK.WriteImage(image, str(tmp_path / f"a{ending}"))
    check_text_header(tmp_path / f"a{ending}")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"NDims = 3", b"NDims = 2147483648", "NDims"),
        (b"NDims = 3", b"NDims = -1.5", "NDims"),
        (b"NDims = 3", b"NDims = 0", "NDims"),
        (b"NDims = 3", b"", "NDims"),
        (b"NDims = 3", b"NDims = 4", "DimSize"),
        (b"DimSize = 5 4 3", b"DimSize = 5 -4 3", "DimSize"),
        (b"DimSize = 5 4 3", b"DimSize = 5 4 99999999999", "DimSize"),
        (b"ElementType", b"ElementNumberOfChannels = -1\nElementType", "ElementNumberOfChannels"),
    ],
)
def test_a_damaged_header_is_refused_before_itk_ends_the_process(file, old, new, word):
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))
    for read in (BY_CONTENT.grid, BY_CONTENT.read):
        with pytest.raises(UserError, match=f"header is damaged: {word}"):
            read(file)
