import numpy as np
import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.observers import compare_observers
from nnunet_cscn.nifti.grids import grid_differences, read_grid
from nnunet_cscn.nifti.voxels import read_voxels


def block(stop, label=1):
    volume = np.zeros((4, 8, 10), dtype=np.uint8)
    volume[1:3, 1:7, 1:stop] = label
    return volume


@pytest.fixture
def folders(tmp_path, write_volume):
    """Two cases with three observers, who mark 4, 5 and 8 columns, and a model that marks 6 columns."""
    for case in ("x", "y"):
        for name, stop in (("a", 5), ("b", 6), ("c", 9), ("m", 7)):
            write_volume(tmp_path / name / f"{case}.nii.gz", block(stop))
    return {name: tmp_path / name for name in "abcm"}


def dsc(first, second):
    return 2 * min(first, second) / (first + second)


def test_pairs_and_majority_by_hand(folders):
    found = compare_observers({name: folders[name] for name in "abc"}, model=("model", folders["m"]))
    columns = {"a": 4, "b": 5, "c": 8, "model": 6, "majority": 5}
    by_pair = {(each.first, each.second): each for each in found}
    pairs = [("a", "b"), ("a", "c"), ("a", "model"), ("b", "c"), ("b", "model"), ("c", "model")]
    against = [(name, consensus) for name in ("a", "b", "c", "model") for consensus in ("STAPLE", "majority")]
    assert list(by_pair) == [*pairs, *against]
    for (first, second), agreement in by_pair.items():
        if second != "STAPLE":
            assert agreement.aggregate.dsc_mean == pytest.approx(dsc(columns[first], columns[second]))
            assert list(agreement.cases) == ["x", "y"]


def test_the_model_has_no_share_in_the_consensus(folders):
    observers = {name: folders[name] for name in "abc"}
    without = compare_observers(observers)
    with_model = compare_observers(observers, model=("model", folders["c"]))
    alone = {(e.first, e.second): e.aggregate.dsc_mean for e in without}
    assert alone == {
        (e.first, e.second): e.aggregate.dsc_mean for e in with_model if "model" not in (e.first, e.second)
    }


def test_labels_that_nobody_marked_in_a_case_are_two_empty_masks(folders, write_volume):
    write_volume(folders["a"] / "y.nii.gz", np.maximum(block(5), np.roll(block(3, 2), 6, axis=2)))
    found = compare_observers({name: folders[name] for name in "ab"})
    (second,) = [e for e in found if e.label == "2" and e.second == "b"]
    assert second.aggregate.n_both_empty == 1
    assert second.aggregate.n_empty_prediction + second.aggregate.n_empty_reference == 1


def test_what_anybody_ignores_takes_no_part(folders, write_volume):
    volume = block(5)
    volume[:, :, 5:] = 2
    write_volume(folders["a"] / "x.nii.gz", volume)
    write_volume(folders["a"] / "y.nii.gz", volume)
    labels = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "ignore": 2})
    found = compare_observers({name: folders[name] for name in "ac"}, labels=labels)
    assert found[0].aggregate.dsc_mean == 1


def test_all_bad_cases_are_listed(folders, write_volume):
    (folders["b"] / "x.nii.gz").unlink()
    write_volume(folders["c"] / "y.nii.gz", np.zeros((4, 8, 11), dtype=np.uint8))
    with pytest.raises(UserError) as refusal:
        compare_observers({name: folders[name] for name in "abc"})
    assert "x: without a prediction" in str(refusal.value)
    assert "y: the prediction has shape" in str(refusal.value)


def test_a_torn_file_names_its_observer(folders):
    path = folders["b"] / "x.nii.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="x: b: the file is truncated"):
        compare_observers({name: folders[name] for name in "ab"})


def test_cases_without_any_mark_are_passed_over_unless_there_is_no_other(folders, write_volume):
    for name in "ab":
        write_volume(folders[name] / "x.nii.gz", np.zeros((4, 8, 10), dtype=np.uint8))
    found = compare_observers({name: folders[name] for name in "ab"})
    assert found[0].aggregate.n_both_empty == 1
    for name in "ab":
        write_volume(folders[name] / "y.nii.gz", np.zeros((4, 8, 10), dtype=np.uint8))
    with pytest.raises(UserError, match="nothing to compare"):
        compare_observers({name: folders[name] for name in "ab"})


def test_one_observer_is_not_enough(folders):
    with pytest.raises(UserError, match="at least two observers"):
        compare_observers({"a": folders["a"]})


def test_the_consensus_is_written_on_the_observers_grid(folders, tmp_path):
    observers = {name: folders[name] for name in "abc"}
    compare_observers(observers, model=("model", folders["m"]), consensus_folder=tmp_path / "agreed")
    for case in ("x", "y"):
        majority = tmp_path / "agreed" / "majority" / f"{case}.nii.gz"
        assert (read_voxels(majority) == block(6)).all()  # two of three mark 5 columns or more
        assert grid_differences(read_grid(majority), read_grid(folders["a"] / f"{case}.nii.gz"), "the other") == []
    assert sorted(f.name for f in (tmp_path / "agreed" / "STAPLE").iterdir()) == ["x.nii.gz", "y.nii.gz"]


def test_a_written_consensus_keeps_the_labels_values(tmp_path, write_volume):
    two = block(5, label=3)
    two[1:3, 1:7, 6:9] = 7
    for name in "ab":
        write_volume(tmp_path / name / "x.nii.gz", two)
    compare_observers({name: tmp_path / name for name in "ab"}, consensus_folder=tmp_path / "agreed")
    for kind in ("STAPLE", "majority"):
        assert (read_voxels(tmp_path / "agreed" / kind / "x.nii.gz") == two).all()


def test_the_consensus_of_regions_is_not_written(folders, tmp_path):
    regions = EvaluatedLabels.from_dataset({"background": 0, "whole": [1, 2], "core": 2})
    observers = {name: folders[name] for name in "abc"}
    with pytest.raises(UserError, match="overlapping regions"):
        compare_observers(observers, labels=regions, consensus_folder=tmp_path / "agreed")
    assert not (tmp_path / "agreed").exists()


def test_a_written_consensus_keeps_what_an_observer_ignores_but_not_what_the_model_does(tmp_path, write_volume):
    labels = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "ignore": 9})
    volumes = {"a": block(5), "b": block(5), "m": block(5)}
    volumes["a"][0, 0, 0] = volumes["m"][0, 0, 5] = 9
    for name, volume in volumes.items():
        write_volume(tmp_path / name / "x.nii.gz", volume)
    observers = {name: tmp_path / name for name in "ab"}
    compare_observers(observers, model=("model", tmp_path / "m"), labels=labels, consensus_folder=tmp_path / "agreed")
    written = read_voxels(tmp_path / "agreed" / "majority" / "x.nii.gz")
    expected = block(5)
    expected[0, 0, 0] = 9
    assert (written == expected).all()


def test_labels_with_large_values_are_compared_and_written(tmp_path, write_volume):
    for name in "ab":
        write_volume(tmp_path / name / "x.nii.gz", block(5).astype(np.int32) * 70_000)
    compare_observers({name: tmp_path / name for name in "ab"}, consensus_folder=tmp_path / "agreed")
    assert read_voxels(tmp_path / "agreed" / "STAPLE" / "x.nii.gz").max() == 70_000
