import numpy as np

from nnunet_cscn.prediction.incomplete import remove_incomplete


def test_torn_predictions_are_removed_and_whole_ones_stay(tmp_path, write_volume):
    whole = write_volume(tmp_path / "whole.nii.gz", np.zeros((4, 5, 6), np.uint8)).read_bytes()
    for name, content in (("torn", whole[:-5]), ("empty", b""), ("other", whole[:-5])):
        (tmp_path / f"{name}.nii.gz").write_bytes(content)
    np.savez(tmp_path / "whole.npz", probabilities=np.zeros(3))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-5])
    remove_incomplete(tmp_path, ["whole", "torn", "empty", "absent"], ".nii.gz")
    assert {file.name for file in tmp_path.iterdir()} == {"whole.nii.gz", "whole.npz", "other.nii.gz"}


def test_empty_files_of_other_formats_are_removed(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"whatever")
    remove_incomplete(tmp_path, ["a", "b"], ".png")
    assert [file.name for file in tmp_path.iterdir()] == ["b.png"]
