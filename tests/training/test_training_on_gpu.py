"""Training steps on a CUDA device, in half precision and compiled, which cannot be tested on a CPU."""

import numpy as np
import pytest
import torch

from nnunet_cscn.losses.compound import FocalDiceLoss
from nnunet_cscn.losses.deep_supervision import CascadeLoss, DeepSupervisionLoss, scale_weights
from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.settings.loss import LossSettings
from nnunet_cscn.training.cscn import CSCNTrainer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]

CHANNELS, CLASSES, SIZE = 2, 3, (16, 32, 32)


def configuration(*, checkpointing):
    return {
        "patch_size": list(SIZE),
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": 3,
                "features_per_stage": [8, 16, 32],
                "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
                "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
                "n_conv_per_stage": [2, 2, 2],
                "n_conv_per_stage_decoder": [2, 2],
                "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "cscn": {"fine": {"checkpointing": checkpointing}},
    }


def cascade(*, checkpointing=True):
    torch.manual_seed(0)
    return build_network(
        "cscn",
        configuration(checkpointing=checkpointing),
        input_channels=CHANNELS,
        output_channels=CLASSES,
        deep_supervision=True,
    ).cuda()


def loss_function():
    loss = FocalDiceLoss(LossSettings(), is_regions=False, ignore_label=None, batch_dice=False, is_distributed=False)
    stage = DeepSupervisionLoss(loss, scale_weights(2), has_distance=True)
    return CascadeLoss(stage, stage, coarse_weight=0.5, fine_weight=1.0)


def batch():
    torch.manual_seed(1)
    image = torch.randn(2, CHANNELS, *SIZE, device="cuda")
    labels = torch.randint(0, CLASSES, (2, 1, *SIZE), device="cuda")
    return image, [labels, labels[..., ::2, ::2], labels.float() * 3]


def steps(network, n=3):
    """Train as nnU-Net does, and return the losses."""
    loss, losses = loss_function(), []
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.99, nesterov=True)
    scaler = torch.amp.GradScaler("cuda")
    image, target = batch()
    for _ in range(n):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda"):
            value = loss(network(image), target)
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        scaler.step(optimizer)
        scaler.update()
        losses.append(value.item())
    return losses


@pytest.mark.parametrize("checkpointing", [True, False])
def test_half_precision_steps_have_finite_losses_that_fall(checkpointing):
    losses = steps(cascade(checkpointing=checkpointing), n=10)
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_compiled_steps_equal_plain_ones():
    plain = steps(cascade())
    compiled = steps(torch.compile(cascade()))
    assert np.isfinite(compiled).all()
    assert compiled == pytest.approx(plain, rel=2e-2)


def test_a_compiled_network_switches_to_prediction_and_back():
    network = cascade()
    compiled = torch.compile(network)
    image, _ = batch()
    with torch.no_grad(), torch.autocast("cuda"):
        for enabled, kind in ((True, list), (False, torch.Tensor), (True, list)):
            network.deep_supervision = enabled
            assert isinstance(compiled(image), kind)


def test_prediction_in_half_precision_is_finite_for_an_image_far_out_of_range():
    network = cascade().eval()
    network.deep_supervision = False
    with torch.no_grad(), torch.autocast("cuda"):
        out = network(1e3 * batch()[0])
    assert out.dtype == torch.float32
    assert out.half().isfinite().all()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_whole_training_runs(make_trainer, monkeypatch, compiled):
    monkeypatch.setenv("nnUNet_compile", str(compiled))
    trainer = make_trainer(CSCNTrainer, device="cuda")
    trainer.run_training()
    log = trainer.logger.get_checkpoint()
    assert np.isfinite([*log["train_losses"], *log["val_losses"]]).all()
