import base64
import io

import numpy as np
import pytest
from PIL import Image

from nnunet_cscn.report.oriented import OrientedVolume
from nnunet_cscn.report.slices import MARGIN_ALONG_MM, MARGIN_MM, MAX_PIXELS, MAX_SLICES, paged_views

SPACING_MM = (3.0, 2.0, 1.0)


def box_mask(shape, *slices):
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


def points(path):
    """The corners of an SVG path of one outline, as (x, y)."""
    assert path.count("M") == 1
    return np.array([[float(value) for value in pair.split(",")] for pair in path.strip("MZ").split()])


def decoded(uri):
    assert uri.startswith("data:image/jpeg;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))), dtype=float)


@pytest.fixture
def square():
    """A mask of one slice, 4 rows and 6 columns in a volume of (5, 20, 20), which is too small to be cropped."""
    return box_mask((5, 20, 20), slice(2, 3), slice(8, 12), slice(5, 11))


def test_contours_run_halfway_between_pixels_in_mm(square):
    axial, coronal, sagittal = paged_views(square, square, SPACING_MM, image=None)
    (middle,) = [s for s in axial.slices if s.reference]
    assert middle.number == 3
    # voxels 5 to 10 of 1 mm reach from 5 to 11 mm, rows 8 to 11 of 2 mm from 16 to 24 mm
    assert points(middle.reference).min(axis=0).tolist() == [5.0, 16.0]
    assert points(middle.reference).max(axis=0).tolist() == [11.0, 24.0]
    # head up: slice 2 of 5, 3 mm each, lies from 6 to 9 mm below the top
    shown = points(coronal.slices[coronal.start].prediction)
    assert [*shown.min(axis=0), *shown.max(axis=0)] == [5.0, 6.0, 11.0, 9.0]
    shown = points(sagittal.slices[sagittal.start].prediction)
    assert [*shown.min(axis=0), *shown.max(axis=0)] == [16.0, 6.0, 24.0, 9.0]


def test_views_have_their_size_in_mm_and_start_in_the_middle_of_the_reference(square):
    views = paged_views(square, ~square, SPACING_MM, image=None)
    assert [(view.name, view.width_mm, view.height_mm) for view in views] == [
        ("axial", 20.0, 40.0),
        ("coronal", 20.0, 15.0),
        ("sagittal", 40.0, 15.0),
    ]
    assert [view.slices[view.start].number for view in views] == [3, 11, 9]
    assert [view.n_slices for view in views] == [5, 20, 20]


def test_only_the_surroundings_are_shown():
    mask = box_mask((60, 200, 300), slice(30, 31), slice(100, 101), slice(150, 151))
    axial, coronal, _ = paged_views(mask, mask, SPACING_MM, image=None)
    along, rows, columns = (int(np.ceil(mm)) for mm in (MARGIN_ALONG_MM / 3, MARGIN_MM / 2, MARGIN_MM / 1))
    assert [s.number for s in axial.slices] == list(range(31 - along, 32 + along))
    assert (axial.width_mm, axial.height_mm) == (2 * columns + 1, (2 * rows + 1) * 2.0)
    assert coronal.height_mm == (2 * int(np.ceil(MARGIN_MM / 3)) + 1) * 3.0


def test_of_many_slices_evenly_spread_ones_are_shown_with_the_middle_among_them():
    mask = box_mask((300, 8, 8), slice(50, 250), slice(3, 5), slice(3, 5))
    axial, *_ = paged_views(mask, mask, (1.0, 1.0, 1.0), image=None)
    numbers = [s.number for s in axial.slices]
    assert len(numbers) <= MAX_SLICES
    assert len(set(np.diff(numbers))) == 1
    assert numbers[axial.start] == 151  # the middle one of slices 51 to 250, numbers from 1 on


def test_pictures_are_windowed_and_turned_as_the_contours(square):
    volume = np.zeros(square.shape, np.float32)
    volume[3:] = 1000.0  # bright towards the head
    axial, coronal, _ = paged_views(square, square, SPACING_MM, image=OrientedVolume(volume, SPACING_MM))
    assert decoded(axial.slices[0].picture).max() < 8
    assert decoded(axial.slices[-1].picture).min() > 247
    shown = decoded(coronal.slices[0].picture)
    assert shown.shape == (5, 20)
    assert shown[0].mean() > shown[-1].mean() + 200


def test_without_an_image_there_are_no_pictures(square):
    assert {s.picture for view in paged_views(square, square, SPACING_MM, image=None) for s in view.slices} == {""}


def test_values_that_are_no_numbers_and_constant_images_are_drawn(square):
    for value in (np.nan, 7.0):
        image = OrientedVolume(np.full(square.shape, value, np.float32), SPACING_MM)
        assert decoded(paged_views(square, square, SPACING_MM, image=image)[0].slices[0].picture).max() < 8


def test_two_empty_masks_have_no_views():
    nothing = np.zeros((4, 5, 6), bool)
    assert paged_views(nothing, nothing, SPACING_MM, image=None) == []


def test_holes_and_parts_are_outlines_of_their_own():
    mask = box_mask((1, 20, 20), slice(0, 1), slice(2, 9), slice(2, 9))
    mask[0, 4:6, 4:6] = False
    mask[0, 15, 15] = True
    axial, *_ = paged_views(mask, mask, SPACING_MM, image=None)
    assert axial.slices[0].reference.count("M") == axial.slices[0].reference.count("Z") == 3


def test_of_a_long_picture_only_the_long_side_is_shrunk():
    mask = box_mask((20, 768, 768), slice(5, 15), slice(10, 758), slice(10, 758))
    image = OrientedVolume(np.zeros(mask.shape, np.float32), (5.0, 0.5, 0.5))
    axial, coronal, _ = paged_views(mask, mask, (5.0, 0.5, 0.5), image=image)
    assert decoded(axial.slices[0].picture).shape == (MAX_PIXELS, MAX_PIXELS)
    assert decoded(coronal.slices[0].picture).shape == (20, MAX_PIXELS)


def test_contours_of_tiny_pixels_keep_their_places():
    mask = box_mask((1, 40, 40), slice(0, 1), slice(10, 12), slice(10, 13))
    axial, *_ = paged_views(mask, mask, (1.0, 0.02, 0.02), image=None)
    shown = points(axial.slices[0].reference)
    assert np.allclose([*shown.min(axis=0), *shown.max(axis=0)], [0.2, 0.2, 0.26, 0.24], atol=1e-3)
