import pytest
import torch

from nnunet_cscn.networks.fusion import ProbabilityFusion


@pytest.mark.parametrize("mode", ["mean", "fine"])
def test_certain_probabilities_are_kept_off_0_and_1(mode):
    certain = torch.tensor([1.0, 0.0]).reshape(1, 2, 1)
    fused = ProbabilityFusion(mode)(certain, certain)
    torch.testing.assert_close(fused.flatten(), torch.tensor([-1e-6, -13.8155]), atol=1e-4, rtol=0)


def test_certain_regions_have_finite_logits_of_both_signs():
    fusion = ProbabilityFusion("mean")
    fusion.is_regions = True
    certain = torch.tensor([1.0, 0.0]).reshape(1, 2, 1)
    fused = fusion(certain, certain).flatten()
    torch.testing.assert_close(fused, torch.tensor([13.8155, -13.8155]), atol=0.1, rtol=0)  # log(1e6 - 1)


def test_classes_are_a_softmax_and_regions_a_sigmoid():
    fusion = ProbabilityFusion("mean")
    logits = torch.tensor([0.0, 0.0, 0.0]).reshape(1, 3, 1)
    assert fusion.probabilities(logits).flatten().tolist() == pytest.approx([1 / 3] * 3)
    fusion.is_regions = True
    assert fusion.probabilities(logits).flatten().tolist() == [0.5] * 3


def test_two_opposite_opinions_meet_in_the_middle():
    coarse, fine = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0], [1.0]]])
    assert ProbabilityFusion("mean")(coarse, fine).softmax(1).flatten().tolist() == [0.5, 0.5]


def test_the_flag_is_stored_under_a_name_that_nnunet_skips():
    state = ProbabilityFusion("mean").state_dict(prefix="fusion.")
    assert list(state) == ["fusion.seg_layers._extra_state"]
    assert ".seg_layers." in next(iter(state))
