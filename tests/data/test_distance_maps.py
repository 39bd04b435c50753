import dataclasses

import blosc2
import numpy as np
import pytest
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2, nnUNetDatasetNumpy

from nnunet_cscn.data.distance_maps import DistanceMaps

from .all_pairs import distance_by_all_pairs

SHAPE = (6, 8, 10)
ORIGINAL_SPACING_MM = (0.6, 0.7, 3.0)  # as the image has it, before the plan's transpose


def labels_of(seed):
    volume = np.zeros(SHAPE, dtype=np.int16)
    corner = np.random.default_rng(seed).integers(0, 3, size=3)
    volume[tuple(slice(c, c + 4) for c in corner)] = 1
    volume[tuple(slice(c + 1, c + 3) for c in corner)] = 2
    volume[0, 0] = -1  # nnU-Net's value outside the head
    return volume


def write_case(folder, name, labels, dataset=nnUNetDatasetBlosc2):
    image = np.zeros((2, *SHAPE), dtype=np.float32)
    layout = {}
    if dataset is nnUNetDatasetBlosc2:
        layout = dict.fromkeys(("chunks", "chunks_seg", "blocks", "blocks_seg"), (1, 4, 8, 8))
        layout["blocks"] = layout["blocks_seg"] = (1, 2, 4, 4)
    dataset.save_case(image, labels[None], {"spacing": ORIGINAL_SPACING_MM}, str(folder / name), **layout)


@pytest.fixture
def data_folder(tmp_path):
    folder = tmp_path / "Dataset001_Tiny" / "nnUNetPlans_3d_fullres"
    folder.mkdir(parents=True)
    for seed in range(3):
        write_case(folder, f"case_{seed}", labels_of(seed))
    return folder


@pytest.fixture
def cases(data_folder):
    return nnUNetDatasetBlosc2(str(data_folder))


@pytest.fixture
def maps(tmp_path) -> DistanceMaps:
    return DistanceMaps(
        folder=tmp_path / "Dataset001_Tiny" / "cscn" / "distance",
        target_spacing_mm=(3.0, 0.5, 1.0),
        transpose_forward=(2, 0, 1),
        regions=None,
        ignore_label=None,
        edge="background",
    )


def test_maps_are_made_once(maps, cases):
    assert maps.prepare(cases, n_threads=2) == 3
    assert maps.prepare(cases, n_threads=1) == 0


@pytest.mark.parametrize("ignore_label", [None, 2])
def test_they_hold_the_distances_of_the_whole_volume(maps, cases, ignore_label):
    maps = dataclasses.replace(maps, ignore_label=ignore_label)
    maps.prepare(cases, n_threads=1)
    expected = distance_by_all_pairs(labels_of(1).clip(min=0), (3.0, 0.5, 1.0), ignore_label=ignore_label)
    np.testing.assert_allclose(maps.load("case_1")[:][0], expected, rtol=1e-6)


def test_there_is_one_map_for_each_region(maps, cases):
    maps = dataclasses.replace(maps, regions=((1, 2), 2))
    maps.prepare(cases, n_threads=1)
    assert maps.n_channels == 2
    stored = maps.load("case_0")
    assert stored.shape == (2, *SHAPE)
    volume = labels_of(0).clip(min=0)
    for channel, members in enumerate([(1, 2), (2,)]):
        expected = distance_by_all_pairs(np.isin(volume, members).astype(int), (3.0, 0.5, 1.0))
        np.testing.assert_allclose(stored[:][channel], expected, rtol=1e-6)


def test_a_2d_configuration_keeps_the_distance_of_its_slices(maps, cases):
    maps = dataclasses.replace(maps, target_spacing_mm=(0.5, 1.0), transpose_forward=(1, 0, 2))
    maps.prepare(cases, n_threads=1)
    expected = distance_by_all_pairs(labels_of(2).clip(min=0), (0.7, 0.5, 1.0))
    np.testing.assert_allclose(maps.load("case_2")[:][0], expected, rtol=1e-6)


def test_changed_labels_are_done_again_and_no_others(maps, cases, data_folder):
    maps.prepare(cases, n_threads=1)
    for file in data_folder.glob("case_1*"):
        file.unlink()
    write_case(data_folder, "case_1", labels_of(5))
    assert maps.prepare(cases, n_threads=1) == 1
    expected = distance_by_all_pairs(labels_of(5).clip(min=0), (3.0, 0.5, 1.0))
    np.testing.assert_allclose(maps.load("case_1")[:][0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"edge": "surface"},
        {"ignore_label": 2},
        {"regions": (1, 2)},
        {"target_spacing_mm": (3.0, 0.5, 0.9)},
    ],
)
def test_other_settings_never_take_the_old_maps(maps, cases, change):
    maps.prepare(cases, n_threads=1)
    assert dataclasses.replace(maps, **change).prepare(cases, n_threads=1) == 3


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "no key"])
def test_damaged_files_are_done_again(maps, cases, damage):
    maps.prepare(cases, n_threads=1)
    file = maps.folder / "case_0.b2nd"
    whole = file.read_bytes()
    file.unlink()
    if damage == "no key":
        blosc2.asarray(np.zeros((1, *SHAPE), dtype=np.float32), urlpath=str(file))
    else:
        file.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"nonsense" * 100}[damage])
    assert maps.prepare(cases, n_threads=1) == 1
    assert maps.load("case_0")[:].max() > 0


@pytest.mark.parametrize("change", ["a voxel", "the type", "the shape"])
def test_files_with_other_voxels_than_were_written_are_done_again(maps, cases, change):
    maps.prepare(cases, n_threads=1)
    file = maps.folder / "case_0.b2nd"
    stored = blosc2.open(str(file))
    expected, notes = stored[:], {name: stored.schunk.vlmeta[name] for name in stored.schunk.vlmeta}
    voxels = {"the type": expected.astype(np.float64), "the shape": expected[..., 1:]}.get(change, expected.copy())
    voxels.flat[0] += change == "a voxel"
    file.unlink()
    changed = blosc2.asarray(np.ascontiguousarray(voxels), urlpath=str(file))
    for name, note in notes.items():
        changed.schunk.vlmeta[name] = note
    assert maps.prepare(cases, n_threads=1) == 1
    assert np.array_equal(maps.load("case_0")[:], expected)


def test_nothing_is_written_into_nnunets_data_folder(maps, cases, data_folder):
    before = sorted(data_folder.iterdir())
    maps.prepare(cases, n_threads=2)
    assert sorted(data_folder.iterdir()) == before
    assert sorted(file.name for file in maps.folder.iterdir()) == [f"case_{i}.b2nd" for i in range(3)]


def test_a_failure_leaves_no_half_written_file(maps, cases, monkeypatch):
    def fail(*_arguments, **_options):
        raise RuntimeError("disk full")

    monkeypatch.setattr("nnunet_cscn.data.distance_maps.blosc2.asarray", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        maps.prepare(cases, n_threads=1)
    assert list(maps.folder.iterdir()) == []


def test_nnunets_older_file_format_is_read_too(maps, tmp_path):
    folder = tmp_path / "numpy"
    folder.mkdir()
    write_case(folder, "case_0", labels_of(0), nnUNetDatasetNumpy)
    assert maps.prepare(nnUNetDatasetNumpy(str(folder)), n_threads=1) == 1
    expected = distance_by_all_pairs(labels_of(0).clip(min=0), (3.0, 0.5, 1.0))
    np.testing.assert_allclose(maps.load("case_0")[:][0], expected, rtol=1e-6)


def test_capped_and_normalised_maps_are_files_of_their_own(maps, cases):
    maps.prepare(cases, n_threads=1)
    changed = dataclasses.replace(maps, normalised=True, cap_mm=2.0)
    assert changed.prepare(cases, n_threads=1) == 3  # a map of another kind is made anew, even in the same folder
    labels = labels_of(1).clip(min=0)
    alpha = 1 + changed.load("case_1")[:][0]
    for value in (1, 2):
        assert alpha[labels == value].mean() == pytest.approx(1, rel=1e-5)
    assert (alpha[labels == 0] == 1).all()


def test_normalised_maps_of_regions_weigh_each_region_by_itself(maps, cases):
    maps = dataclasses.replace(maps, regions=((1, 2), 2), normalised=True)
    maps.prepare(cases, n_threads=1)
    labels = labels_of(0).clip(min=0)
    whole, core = 1 + maps.load("case_0")[:]
    assert whole[labels > 0].mean() == pytest.approx(1, rel=1e-5)
    assert core[labels == 2].mean() == pytest.approx(1, rel=1e-5)


def test_a_map_whose_type_of_numbers_is_damaged_is_done_again(maps, cases):
    """blosc2 reads the type as Python text, and raises SyntaxError."""
    maps.prepare(cases, n_threads=1)
    file = maps.folder / "case_0.b2nd"
    content = file.read_bytes()
    assert b"<f4" in content
    file.write_bytes(content.replace(b"<f4", b"<(4", 1))
    assert maps.prepare(cases, n_threads=1) == 1
