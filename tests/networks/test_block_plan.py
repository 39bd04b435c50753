import dataclasses
import re

import pytest
from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.block_plan import block_plan
from nnunet_cscn.networks.pooling import pooling_of
from nnunet_cscn.settings.coarse import CoarseSettings
from nnunet_cscn.settings.fine import FineSettings

from .tiny_plans import anisotropic, isotropic, planar, read, unequal_stages


@pytest.mark.parametrize(
    ("plan", "stages", "by", "expected"),
    [
        (isotropic, 4, (2, 2, 2), (16, 16, 16)),  # four voxels are left of 16 after strides of 4
        (isotropic, 2, (2, 2, 2), (8, 8, 8)),
        (isotropic, 1, (2, 2, 2), (8, 8, 8)),
        (isotropic, 2, (4, 4, 4), (8, 8, 8)),
        (anisotropic, 4, (1, 2, 2), (4, 16, 12)),  # (8, 16, 16) does not fit into the window
        (anisotropic, 2, (1, 2, 2), (4, 8, 8)),
        (planar, 2, (2, 2), (8, 8)),
        (planar, 1, (4, 2), (8, 4)),
        (unequal_stages, 2, (2, 8, 8), (4, 16, 8)),
        (unequal_stages, 1, (2, 8, 8), (4, 8, 8)),  # a pooled voxel is the least
    ],
)
def test_a_block_is_half_the_window_but_keeps_four_to_eight_voxels_at_its_deepest_stage(plan, stages, by, expected):
    assert block_plan(read(plan()), FineSettings(stages=stages), by).patch_size == expected


def test_a_block_of_a_large_window_keeps_eight_voxels_at_its_deepest_stage():
    large = {**isotropic(), "patch_size": [64, 64, 32]}
    assert block_plan(read(large), FineSettings(stages=2), (2, 2, 2)).patch_size == (16, 16, 16)


def test_the_block_plan_is_the_upper_part_of_the_plan():
    blocks = block_plan(read(unequal_stages()), FineSettings(stages=3), (1, 2, 2))
    assert blocks.features == (4, 6, 8)
    assert blocks.kernel_sizes == ((1, 3, 3), (1, 5, 5), (3, 3, 3))
    assert blocks.strides == ((1, 1, 1), (1, 2, 2), (2, 2, 2))
    assert blocks.blocks == (1, 2, 3)


def test_a_block_size_that_fits_is_taken():
    assert block_plan(read(isotropic()), FineSettings(block_size=(4, 8, 16)), (2, 2, 2)).patch_size == (4, 8, 16)


@pytest.mark.parametrize(
    ("options", "by", "sentence"),
    [
        ({"block_size": (8, 8)}, (2, 2, 2), "cscn.fine.block_size: expected 3 numbers, got [8, 8]"),
        ({"block_size": (8, 6, 8)}, (2, 2, 2), "[8, 6, 8] is not divisible by [4, 4, 4]"),
        ({"block_size": (8, 6, 8)}, (2, 2, 2), "fewer stages (now fine.stages=3)"),
        ({"block_size": (8, 5, 8), "stages": 2}, (2, 2, 2), "[8, 5, 8] is not divisible by [2, 2, 2]"),
        ({"block_size": (8, 6, 8), "stages": 1}, (4, 4, 4), "[8, 6, 8] is not divisible by [4, 4, 4]"),
        ({"block_size": (8, 20, 8)}, (2, 2, 2), "blocks of [8, 20, 8] are larger than the window [16, 16, 16]"),
    ],
)
def test_blocks_that_do_not_fit_are_refused_with_the_remedy(options, by, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        block_plan(read(isotropic()), FineSettings(**options), by)


def test_blocks_too_small_for_instance_normalisation_are_refused_with_the_remedy():
    smallest = FineSettings(block_size=(4, 4, 4))
    with pytest.raises(UserError, match=r"a single voxel at the deepest stage.* fewer stages \(now fine\.stages=3\)"):
        block_plan(read(isotropic()), smallest, (2, 2, 2))
    assert block_plan(read(isotropic()), dataclasses.replace(smallest, stages=2), (2, 2, 2)).patch_size == (4, 4, 4)
    assert block_plan(read(isotropic()), dataclasses.replace(smallest, norm="batch"), (2, 2, 2)).patch_size == (4, 4, 4)


@pytest.mark.parametrize(("plan", "kind"), [(isotropic, nn.BatchNorm3d), (planar, nn.BatchNorm2d)])
def test_blocks_are_normalised_over_the_batch_where_asked_for(plan, kind):
    blocks = block_plan(read(plan()), FineSettings(norm="batch"), pooling_of(read(plan()), CoarseSettings()))
    assert blocks.norm is kind
    assert isinstance(blocks.norm(4, **blocks.norm_kwargs), kind)
    assert blocks.norm_kwargs == {"eps": 1e-5, "affine": True}


def test_the_plans_own_normalisation_is_kept():
    plan = isotropic()
    plan["architecture"]["arch_kwargs"]["norm_op_kwargs"] = {"eps": 1e-3, "affine": False}
    blocks = block_plan(read(plan), FineSettings(), (2, 2, 2))
    assert issubclass(blocks.norm, nn.InstanceNorm3d)
    assert blocks.norm_kwargs == {"eps": 1e-3, "affine": False}
