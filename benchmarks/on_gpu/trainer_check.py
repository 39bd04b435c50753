"""Check one trainer: python -m on_gpu.trainer_check TRAINER DEVICE STEPS tiny|planned SECONDS."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from nnunet_cscn.networks import block_cascade
from nnunet_cscn.nnunet.wrapping import unwrapped
from on_gpu.plans import DESCRIPTION, Size, batch_for, make_folders, make_trainer

# The rule of nnU-Net's ExperimentPlanner: so many numbers put out by convolutions, in batches of two, need 8 GB.
PLANNER_GB, PLANNER_OUTPUTS, PLANNER_BATCH = 8, 560_000_000, 2
N_LOSSES = 5
WARM_UP = 3
FIRST_TOLERANCE, LAST_TOLERANCE = 0.02, 0.10  # half precision against full, relative: the first loss, and the fifth


def main() -> None:
    name, device, steps, size, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
    end = time.monotonic() + seconds
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        make_folders(Path(place))
        is_tiny = size == "tiny"
        parts: list[tuple[str, Callable[[], Any]]] = [
            ("losses", lambda: losses(name, "tiny" if is_tiny else "small", device)),
            ("plain", lambda: cost(name, "tiny" if is_tiny else "planned", device, steps, compiled=False)),
            ("compiled_losses", lambda: losses(name, "tiny" if is_tiny else "small", device, compiled=True)),
            ("compiled", lambda: cost(name, "tiny" if is_tiny else "planned", device, steps, compiled=True)),
        ]
        for part, do in parts:
            if time.monotonic() > end:
                break
            result[part] = do()
            print(json.dumps(result), flush=True)


def losses(name: str, size: Size, device: str, *, compiled: bool = False) -> dict[str, Any]:
    """Compare the losses of a few steps with those of the CPU in full precision, from the same weights and batch."""
    _draw_the_same_blocks()
    reference = _prepared(name, size, "cpu", compiled=False)
    weights = {key: value.clone() for key, value in unwrapped(reference.network).state_dict().items()}
    trainer = _prepared(name, size, device, compiled=compiled)
    unwrapped(trainer.network).load_state_dict(weights)
    batch = batch_for(reference)
    expected = [_step(reference, batch) for _ in range(N_LOSSES)]
    found = [_step(trainer, batch) for _ in range(N_LOSSES)]
    off = [abs(value - wanted) / max(abs(wanted), 1e-6) for value, wanted in zip(found, expected, strict=True)]
    is_equal = off[0] <= FIRST_TOLERANCE and off[-1] <= LAST_TOLERANCE
    are_finite = all(map(math.isfinite, [*found, *expected]))
    return {
        "cpu": [value if math.isfinite(value) else None for value in expected],
        "device": [value if math.isfinite(value) else None for value in found],
        "first_off": off[0] if are_finite else None,
        "last_off": off[-1] if are_finite else None,
        "finite": are_finite,
        "equal": is_equal,
    }


def cost(name: str, size: Size, device: str, steps: int, *, compiled: bool) -> dict[str, Any]:
    """Measure memory, steps and a prediction."""
    trainer = _prepared(name, size, device, compiled=compiled)
    batch = batch_for(trainer)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(WARM_UP if device == "cuda" else 1):
        _step(trainer, batch)
    times = [_timed(lambda: _step(trainer, batch)) for _ in range(steps)]
    patch = trainer.configuration_manager.patch_size
    return {
        "patch": [int(edge) for edge in patch],
        "step_s": statistics.median(times),
        "step_range_s": [min(times), max(times)],
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None,
        "reserved_gib": torch.cuda.max_memory_reserved() / 2**30 if device == "cuda" else None,
        "planner_gb": _planners_estimate(trainer),
        "predict_s": _prediction_seconds(trainer),
    }


def _prepared(name: str, size: Size, device: str, *, compiled: bool) -> Any:
    os.environ["nnUNet_compile"] = str(compiled)  # noqa: SIM112  nnU-Net spells it so
    trainer = make_trainer(name, size, device)
    if compiled and device == "cpu":  # nnU-Net compiles on GPUs alone; the graph can be tried everywhere
        trainer.network = torch.compile(trainer.network, backend="eager")
    if device == "cuda":  # with the usual scale the first steps may be skipped, and losses could not be compared
        trainer.grad_scaler = torch.amp.GradScaler("cuda", init_scale=2.0**10)
    trainer.network.train()
    return trainer


def _step(trainer: Any, batch: dict[str, Any]) -> float:
    return float(trainer.train_step(dict(batch))["loss"])


def _planners_estimate(trainer: Any) -> float:
    """Return the GB that nnU-Net's planner, and so ``cscn plan``, takes this network and batch for."""
    manager = trainer.configuration_manager
    with torch.device("meta"):
        network = type(trainer).build_network_architecture(trainer.plans_manager, manager, 1, 3, False)
    size = float(network.compute_conv_feature_map_size(manager.patch_size))
    return PLANNER_GB * size / PLANNER_OUTPUTS * manager.batch_size / PLANNER_BATCH


def _prediction_seconds(trainer: Any) -> float:
    """Predict a volume of one and a half patches along each axis, mirrored, as nnUNetv2_predict does."""
    from nnunet_cscn.nnunet.inference import nnUNetPredictor

    trainer.set_deep_supervision_enabled(False)
    network = unwrapped(trainer.network).eval()
    on_device = trainer.device.type == "cuda"
    predictor = nnUNetPredictor(device=trainer.device, allow_tqdm=False, perform_everything_on_device=on_device)
    manager = trainer.configuration_manager
    predictor.manual_initialization(
        network, trainer.plans_manager, manager, None, DESCRIPTION, type(trainer).__name__, (0, 1, 2)
    )
    volume = torch.randn((1, *(int(1.5 * edge) for edge in manager.patch_size)))
    predictor.predict_sliding_window_return_logits(volume)
    return _timed(lambda: predictor.predict_sliding_window_return_logits(volume).cpu())


def _draw_the_same_blocks() -> None:
    """Draw blocks evenly: random numbers are others on a GPU."""

    def evenly(uncertainty: Any, size: Any, n_blocks: int, _n_random: int) -> Any:
        spaces = [edge - length for edge, length in zip(uncertainty.shape[2:], size, strict=True)]
        shares = torch.linspace(0, 1, n_blocks)
        places = torch.stack([(shares * space).long() for space in spaces], dim=-1)
        return places.to(uncertainty.device).expand(uncertainty.shape[0], -1, -1)

    block_cascade.draw_block_origins = evenly


def _timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()  # each ends by reading from the device
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
