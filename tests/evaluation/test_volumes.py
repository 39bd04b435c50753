import math

import numpy as np
import pytest

import brute_force
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.volumes import MAX_UNNAMED_LABELS, boxes_of_values, score_files, score_volumes
from nnunet_cscn.metrics import masks
from nnunet_cscn.metrics.masks import bounding_box
from nnunet_cscn.metrics.overlap import OverlapCounts

SPACING_MM = (3.0, 1.0, 1.0)


def row(*values, dtype=np.uint8):
    return np.array([[values]], dtype=dtype)


def test_every_value_of_either_volume_is_a_label_when_none_are_given():
    scores = score_volumes(row(0, 1, 1, 7), row(0, 1, 2, 2), SPACING_MM)
    assert list(scores) == ["1", "2", "7"]
    assert scores["1"].counts == OverlapCounts(1, 1, 0)
    assert scores["2"].counts == OverlapCounts(0, 0, 2)
    assert scores["7"].counts == OverlapCounts(0, 1, 0)


def test_two_empty_volumes_have_no_label():
    assert score_volumes(row(0, 0), row(0, 0), SPACING_MM) == {}


def test_named_labels_are_there_even_when_no_voxel_has_them():
    labels = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "GTVn": 2})
    scores = score_volumes(row(0, 1), row(0, 1), SPACING_MM, labels=labels)
    assert list(scores) == ["GTVp", "GTVn"]
    assert math.isnan(scores["GTVn"].counts.dsc)


def test_a_region_is_the_union_of_its_values():
    labels = EvaluatedLabels.from_dataset({"background": 0, "whole": [1, 2, 3], "core": [2, 3]})
    scores = score_volumes(row(1, 2, 3, 0, 1), row(3, 1, 2, 2, 0), SPACING_MM, labels=labels)
    assert scores["whole"].counts == OverlapCounts(3, 1, 1)
    assert scores["core"].counts == OverlapCounts(1, 1, 2)


def test_each_label_agrees_with_loops_in_a_larger_volume():
    random = np.random.default_rng(3)
    volumes = []
    for _ in range(2):
        volume = np.zeros((6, 7, 8), dtype=np.int16)
        for label in (1, 2):
            volume[brute_force.random_blob(random, volume.shape)] = label
        volumes.append(np.pad(volume, 2))
    scores = score_volumes(volumes[0], volumes[1], SPACING_MM)
    for label in (1, 2):
        expected = brute_force.assd_and_hd95_mm(volumes[0] == label, volumes[1] == label, SPACING_MM)
        found = scores[str(label)]
        assert (found.assd_mm, found.hd95_mm) == pytest.approx(expected, abs=1e-9)


IGNORING = EvaluatedLabels.from_dataset({"background": 0, "tumour": 1, "ignore": 2})


def test_voxels_with_the_ignore_label_in_the_reference_take_no_part():
    scores = score_volumes(row(1, 1, 1, 0, 0), row(1, 2, 0, 2, 1), SPACING_MM, labels=IGNORING)
    assert scores["tumour"].counts == OverlapCounts(1, 1, 1)


def test_ignored_voxels_do_not_move_the_surface():
    reference = np.zeros((3, 6, 12), dtype=np.uint8)
    reference[:, 1:5, 1:6] = 1
    prediction = reference.copy()
    reference[:, :, 5:8] = 2
    prediction[:, 1:3, 5:8] = 1
    assert score_volumes(prediction, reference, SPACING_MM, labels=IGNORING)["tumour"].assd_mm == 0
    prediction[:, 1:3, 8] = 1
    assert score_volumes(prediction, reference, SPACING_MM, labels=IGNORING)["tumour"].assd_mm > 0


def test_the_ignore_label_in_a_prediction_counts_as_background():
    scores = score_volumes(row(1, 2, 0), row(1, 1, 0), SPACING_MM, labels=IGNORING)
    assert scores["tumour"].counts == OverlapCounts(1, 0, 1)


@pytest.mark.parametrize("dtypes", [("u1", "i8"), ("f4", "u1"), ("u8", "i8"), (">i2", "<i4"), ("f8", ">f4")])
def test_the_type_of_the_numbers_does_not_matter(dtypes):
    scores = score_volumes(row(0, 1, 2, dtype=dtypes[0]), row(1, 1, 2, dtype=dtypes[1]), SPACING_MM)
    assert scores["1"].counts == OverlapCounts(1, 0, 1)
    assert scores["2"].counts == OverlapCounts(1, 0, 0)


@pytest.mark.parametrize("odd", [0.5, math.nan, math.inf, -0.25])
def test_labels_that_are_no_whole_numbers_are_refused(odd):
    for labels in (None, IGNORING):
        with pytest.raises(UserError, match=f"reference: expected integer labels, got {odd:g}"):
            score_volumes(row(0, 1, dtype=float), row(odd, 1, dtype=float), SPACING_MM, labels=labels)


def test_labels_that_are_not_in_the_dataset_json_are_refused_by_value():
    with pytest.raises(UserError, match=r"^prediction: .* -1, 5, 7"):
        score_volumes(row(5, 1, 7, -1, dtype=np.int16), row(0, 1, 0, 0), SPACING_MM, labels=IGNORING)


def test_negative_labels_are_refused():
    with pytest.raises(UserError, match=r"^prediction: .* got -3"):
        score_volumes(row(-3, 1, dtype=np.int8), row(0, 1), SPACING_MM)


def test_labels_beyond_32_bits_are_refused():
    with pytest.raises(UserError, match=r"^reference: expected labels of at most 4294967295, got 1e\+38$"):
        score_volumes(row(0, 1), row(0, 1e38, dtype=float), SPACING_MM)
    largest = row(0, 2**32 - 1, dtype=np.uint32)
    assert set(score_volumes(largest, largest, SPACING_MM)) == {"4294967295"}


def test_an_image_in_place_of_a_label_map_is_refused():
    image = np.arange(1, MAX_UNNAMED_LABELS + 2, dtype=np.int16).reshape(1, 1, -1)
    with pytest.raises(UserError, match=r"^prediction: .* 257"):
        score_volumes(image, np.zeros_like(image), SPACING_MM)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="expected the reference's shape"):
        score_volumes(np.ones((4, 4, 4)), np.ones((4, 4, 1)), SPACING_MM)


def test_files_of_unequal_shapes_are_refused(tmp_path, write_volume):
    files = [write_volume(tmp_path / f"{n}.nii.gz", np.ones((4, 6, n), np.uint8)) for n in (5, 6)]
    with pytest.raises(UserError, match="shape"):
        score_files(*files, (3.0, 0.6, 0.5))


def test_a_torn_file_is_named_by_its_role(tmp_path, write_volume):
    good = write_volume(tmp_path / "good.nii", np.ones((2, 3, 4), dtype=np.uint8))
    torn = tmp_path / "torn.nii"
    torn.write_bytes(good.read_bytes()[:-3])
    with pytest.raises(UserError, match=r"^prediction: .*truncated"):
        score_files(torn, good, SPACING_MM)
    with pytest.raises(UserError, match=r"^reference: .*truncated"):
        score_files(good, torn, SPACING_MM)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "int64", "float32", ">i2"])
@pytest.mark.parametrize("values", [(1, 2, 7), (3, 255), (1,), ()])
def test_boxes_of_values_are_those_of_each_mask(kind, values):
    random = np.random.default_rng(len(values))
    volume = np.zeros((6, 9, 8), dtype=kind)
    for value in values:
        volume[tuple(random.integers(0, edge, 4) for edge in volume.shape)] = value
    found = boxes_of_values(volume, {0, *values, 9})
    expected = {value: bounding_box(volume == value) for value in values if (volume == value).any()}
    assert found == expected


@pytest.mark.parametrize("value", [-3, 70_000, 2**40])
def test_boxes_of_values_that_no_list_can_hold(value):
    volume = np.zeros((4, 4, 4), dtype=np.int64)
    volume[1, 2:, 3] = value
    assert boxes_of_values(volume, {0, value}) == {value: np.s_[1:2, 2:4, 3:4]}


@pytest.mark.parametrize("slab_slices", [1, 2, 3])
@pytest.mark.parametrize("density", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("with_ignored", [False, True])
def test_a_volume_in_several_slabs_has_the_same_scores(monkeypatch, slab_slices, density, with_ignored):
    random = np.random.default_rng(7)
    prediction, reference = ((random.random((2, 9, 12, 10)) < density) * random.integers(1, 3, (2, 9, 12, 10))).astype(
        "u1"
    )
    labels = EvaluatedLabels.from_dataset({"background": 0, "tumour": 1, "ignore" if with_ignored else "node": 2})
    whole = score_volumes(prediction, reference, SPACING_MM, labels=labels)
    monkeypatch.setattr(masks, "SLAB_VOXELS", slab_slices * 12 * 10)
    assert score_volumes(prediction, reference, SPACING_MM, labels=labels) == whole
