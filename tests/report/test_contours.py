import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from nnunet_cscn.report import contours
from nnunet_cscn.report.colours import PREDICTION_COLOUR, REFERENCE_COLOUR
from nnunet_cscn.report.contours import draw_case

SIZE = (8, 30, 24)  # (Z, Y, X)


def ball(centre_zyx, radius=6):
    z, y, x = np.indices(SIZE)
    distance = (3 * (z - centre_zyx[0])) ** 2 + (y - centre_zyx[1]) ** 2 + (x - centre_zyx[2]) ** 2
    return (distance <= radius**2).astype(np.uint8)


@pytest.fixture
def draw(tmp_path, write_volume):
    """Return a function that draws a case with two masks and returns the picture, (rows, columns, RGB)."""

    def run(reference, prediction, image=None):
        if image is None:
            image = np.random.default_rng(0).normal(100, 20, size=np.shape(reference)).astype(np.float32)
        volumes = {"image": image, "reference": reference, "prediction": prediction}
        files = [write_volume(tmp_path / f"{name}.nii.gz", voxels) for name, voxels in volumes.items()]
        draw_case(*files, tmp_path / "pictures" / "case.png", title="case [1]: DSC 0.87")
        return imread(tmp_path / "pictures" / "case.png")[..., :3]

    return run


def pixels(picture, colour):
    """Rows and columns of the pixels that have a colour."""
    return np.argwhere(np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.02)


def contour_pixels(picture, colour):
    """The same without the legend, which is below the views."""
    found = pixels(picture, colour)
    return found[found[:, 0] < 0.88 * picture.shape[0]]


def test_the_picture_has_both_contours_and_a_plausible_size(draw, tmp_path):
    picture = draw(ball((4, 15, 12)), ball((4, 18, 12)))
    assert picture.shape[1] == 13 * 110
    assert 250 < picture.shape[0] < 400
    assert 10_000 < (tmp_path / "pictures" / "case.png").stat().st_size < 1_000_000
    assert len(contour_pixels(picture, REFERENCE_COLOUR)) > 50
    assert len(contour_pixels(picture, PREDICTION_COLOUR)) > 50


def test_contours_stand_in_every_second_picture_only(draw):
    picture = draw(ball((4, 15, 12)), ball((4, 18, 12)))
    columns = contour_pixels(picture, REFERENCE_COLOUR)[:, 1] * 6 // picture.shape[1]
    assert set(columns) == {1, 3, 5}


@pytest.mark.parametrize("reference", [ball((4, 15, 12)), np.zeros(SIZE, np.uint8)])
@pytest.mark.parametrize("prediction", [ball((4, 18, 12)), np.zeros(SIZE, np.uint8)])
def test_an_empty_mask_has_no_contour(draw, reference, prediction):
    picture = draw(reference, prediction)
    # the slices are those of the reference, so a distant prediction is not visible in them
    assert bool(len(contour_pixels(picture, REFERENCE_COLOUR))) is bool(reference.any())
    assert bool(len(contour_pixels(picture, PREDICTION_COLOUR))) is bool(prediction.any())


def test_masks_that_fill_the_volume_and_constant_images_are_drawn(draw):
    full = np.ones(SIZE, np.uint8)
    picture = draw(full, full, image=np.full(SIZE, 7.0, np.float32))
    assert len(contour_pixels(picture, PREDICTION_COLOUR)) > 50


def test_a_volume_of_one_slice_is_drawn(draw):
    mask = np.zeros((1, 20, 20), np.uint8)
    mask[0, 5:12, 5:12] = 1
    assert len(contour_pixels(draw(mask, mask), PREDICTION_COLOUR)) > 20


def test_a_failing_drawing_leaves_what_was_there(draw, tmp_path, monkeypatch):
    draw(ball((4, 15, 12)), ball((4, 15, 12)))
    target = tmp_path / "pictures" / "case.png"
    before = target.read_bytes()

    def fail(_figure, file, **_options):
        file.write_bytes(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(contours.Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(ball((4, 15, 12)), ball((2, 15, 12)))
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]
