import pytest

from nnunet_cscn.planning.window import pooling_for

ANISOTROPIC = [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)]
ISOTROPIC = [(1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2)]


@pytest.mark.parametrize(
    ("window", "strides", "patch", "expected"),
    [
        ((32, 64, 64), ANISOTROPIC, (32, 64, 64), [1, 2, 2]),  # a quarter of the patch
        ((32, 128, 128), ANISOTROPIC, (32, 64, 64), [2, 4, 4]),  # by 1x2x2 it would be the patch once more
        ((64, 64, 64), ISOTROPIC, (64, 64, 64), [2, 2, 2]),
        ((128, 128, 128), ISOTROPIC, (64, 64, 64), [4, 4, 4]),
        ((64, 64, 64), ISOTROPIC, (32, 64, 64), [2, 2, 2]),
        ((16, 64, 64), ISOTROPIC, (4, 4, 4), [4, 4, 4]),  # by 8 only two voxels would be left
        ((4, 4, 4), ISOTROPIC, (2, 2, 2), [2, 2, 2]),  # there has to be some pooling
        ((64, 64), [(1, 1), (2, 2), (2, 2)], (64, 64), [2, 2]),
        ((8, 8, 8), [(1, 1, 1)], (4, 4, 4), [1, 1, 1]),
    ],
)
def test_the_window_is_pooled_until_it_has_half_of_the_patchs_voxels(window, strides, patch, expected):
    assert pooling_for(window, strides, patch) == expected
