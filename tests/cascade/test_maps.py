import dataclasses

import numpy as np
import pytest

from nnunet_cscn.cascade.maps import MapProvenance, StageOneMaps
from nnunet_cscn.data.stored_volumes import voxel_hash

PROVENANCE = MapProvenance(fold=2, checkpoint_sha256="abc", image_sha256="def", shape=(2, 6, 8, 10))


@pytest.fixture
def voxels():
    return np.random.default_rng(0).random((2, 6, 8, 10)).astype(np.float32)


@pytest.fixture
def maps(tmp_path, voxels):
    stored = StageOneMaps(tmp_path / "maps")
    stored.store("case", voxels, PROVENANCE)
    return stored


def test_a_stored_map_is_read_in_half_precision_and_in_parts(maps, voxels):
    opened = maps.load("case")
    assert opened.shape == (2, 6, 8, 10)
    region = (slice(None), slice(1, 3), slice(0, 8), slice(4, 5))
    assert np.array_equal(opened[region], voxels.astype(np.float16)[region])
    assert maps.provenance("case") == PROVENANCE
    assert maps.problem("case", PROVENANCE) is None


def test_a_missing_map_has_no_origin(maps):
    assert maps.provenance("other") is None
    assert maps.problem("other", PROVENANCE) == "has no map"


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 0.999])
def test_a_truncated_map_is_noticed(maps, share):
    content = maps.file("case").read_bytes()
    maps.file("case").write_bytes(content[: int(share * len(content))])
    assert maps.problem("case", PROVENANCE) == "its map is truncated or damaged"


@pytest.mark.parametrize("change", [{"fold": 1}, {"checkpoint_sha256": "x"}, {"image_sha256": "x"}, {"format": 0}])
def test_a_map_of_another_origin_is_noticed(maps, change):
    expected = dataclasses.replace(PROVENANCE, **change)
    assert maps.problem("case", expected) == "its map was made by a different network or from a different image"


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_values_that_are_no_probabilities_are_never_stored(maps, voxels, value):
    voxels[1, 2, 3, 4] = value
    with pytest.raises(ValueError, match=r"case: .*probabilities"):
        maps.store("case", voxels, PROVENANCE)
    assert maps.problem("case", PROVENANCE) is None


def test_a_flipped_bit_is_noticed_nearly_anywhere(maps):  # not in the file's padding
    content = maps.file("case").read_bytes()
    noticed = 0
    positions = range(0, len(content), max(1, len(content) // 150))
    for position in positions:
        spoilt = bytearray(content)
        spoilt[position] ^= 0x10
        maps.file("case").write_bytes(bytes(spoilt))
        noticed += maps.problem("case", PROVENANCE) is not None
    assert noticed > 0.8 * len(positions)


def test_an_interrupted_write_leaves_the_old_map(maps, voxels, monkeypatch):
    class Interrupted:
        def __array__(self, *_args, **_kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maps.store("case", Interrupted(), PROVENANCE)
    assert maps.problem("case", PROVENANCE) is None
    assert [file.name for file in maps.folder.iterdir()] == ["case.b2nd"]


def test_an_origin_survives_json():
    assert MapProvenance.from_json(PROVENANCE.to_json()) == PROVENANCE


def test_the_hash_of_an_image_depends_on_values_type_and_shape():
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert voxel_hash(image) == voxel_hash(image.copy())
    others = [image + 1, image.astype(np.float64), image.reshape(1, 2, 4, 3)]
    assert len({voxel_hash(other) for other in [image, *others]}) == 4
