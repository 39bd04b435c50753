import pickle

import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_cscn.prediction.incomplete import remove_incomplete


def test_torn_predictions_are_removed_and_whole_ones_stay(tmp_path, write_volume):
    whole = write_volume(tmp_path / "whole.nii.gz", np.zeros((4, 5, 6), np.uint8)).read_bytes()
    for name, content in (("torn", whole[:-5]), ("empty", b""), ("other", whole[:-5])):
        (tmp_path / f"{name}.nii.gz").write_bytes(content)
    np.savez(tmp_path / "whole.npz", probabilities=np.zeros(3))
    (tmp_path / "whole.pkl").write_bytes(pickle.dumps({"spacing": [1.0]}))
    (tmp_path / "torn.pkl").write_bytes((tmp_path / "whole.pkl").read_bytes())
    (tmp_path / "torn.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-5])
    remove_incomplete(tmp_path, ["whole", "torn", "empty", "absent"], ".nii.gz", None)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("whole.nii.gz", "whole.npz", "whole.pkl"),
        *("torn.pkl", "other.nii.gz"),
    }


def test_probabilities_without_whole_properties_are_removed(tmp_path):
    """The next step of nnU-Net, an ensemble, reads both."""
    np.savez(tmp_path / "a.npz", probabilities=np.zeros(3))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"spacing": [1.0] * 9})[:-4])
    remove_incomplete(tmp_path, ["a"], ".nii.gz", None)
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(("ending", "reader"), [(".nrrd", SimpleITKIO), (".png", NaturalImage2DIO)])
def test_torn_files_of_other_formats_are_removed(tmp_path, ending, reader):
    voxels = np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8)
    for case in ("whole", "torn"):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(tmp_path / f"{case}{ending}"))
    torn = tmp_path / f"torn{ending}"
    torn.write_bytes(torn.read_bytes()[:-300])
    (tmp_path / f"empty{ending}").write_bytes(b"")
    remove_incomplete(tmp_path, ["whole", "torn", "empty"], ending, reader())
    assert [file.name for file in tmp_path.iterdir()] == [f"whole{ending}"]
