"""Compare time and memory of a training step with stock nnU-Net, with the same plan, patch, batch size and threads.

Each measurement is a separate process. The trainers run alternately, so that other load on the machine affects all of
them. The script reports the median over all steps with quartiles, and the increase of memory from the first step to its
peak. On a GPU (``--device cuda``), memory is the peak that torch allocated, including weights.

Example: python benchmarks/step_cost.py 901 3d_fullres --steps 3 --rounds 3 --json runs/step_cost.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nnunet_cscn.files import write_json
from nnunet_cscn.freed_memory import KEEP_FREED_MEMORY

WARM_UP = {"cpu": 1, "cuda": 5}  # the first step allocates memory; on a GPU, the first steps also compare algorithms
TRAINERS = ("nnUNetTrainer", "BUNetTrainer", "ACDNetTrainer", "CSCNTrainer")


def main() -> None:
    arguments = _parse()
    if arguments.child:
        print(json.dumps(measure(arguments)))
        return
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in TRAINERS}
    for _ in range(arguments.rounds):
        for name in TRAINERS:
            runs[name].append(_in_own_process(arguments, name))
    summary = {name: _summary(results) for name, results in runs.items()}
    _print(summary)
    if arguments.json:
        write_json(arguments.json, summary)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one trainer in this process."""
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  nnU-Net spells it so
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_cscn.nnunet.discovery import ensure_registered

    ensure_registered()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    trainer = get_trainer_from_args(arguments.dataset, arguments.configuration, 0, arguments.child, device=device)
    trainer.disable_checkpointing = True
    trainer.on_train_start()
    trainer.on_train_epoch_start()
    loading = [_timed(lambda: next(trainer.dataloader_train)) for _ in range(max(4, 2 * arguments.steps))]
    batch = next(trainer.dataloader_train)
    before = _current_memory()
    for _ in range(WARM_UP[device.type]):
        trainer.train_step(batch)
    steps = [_timed(lambda: trainer.train_step(batch)) for _ in range(arguments.steps)]  # reads the loss
    if device.type == "cuda":
        memory = torch.cuda.max_memory_allocated(device)
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    target = [each.to(device) for each in batch["target"]] if isinstance(batch["target"], list) else batch["target"]
    with torch.no_grad():
        outputs = trainer.network(batch["data"].to(device))
    losses = [_timed(lambda: _loss_and_gradient(trainer.loss, outputs, target)) for _ in range(arguments.steps)]
    return {"steps": steps, "loading": loading, "loss": losses, "memory": memory}


def _loss_and_gradient(loss: Any, outputs: Any, target: Any) -> float:
    leaves = _as_leaves(outputs)
    value = loss(leaves, target)
    value.backward()
    return float(value.detach())  # waits for the GPU


def _as_leaves(outputs: Any) -> Any:
    if isinstance(outputs, (list, tuple)):
        return [_as_leaves(output) for output in outputs]
    detached = outputs.detach().clone()
    return detached.requires_grad_() if detached.is_floating_point() else detached  # block positions have no gradient


def _timed(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _current_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _in_own_process(arguments: argparse.Namespace, trainer: str) -> dict[str, Any]:
    command = [sys.executable, __file__, arguments.dataset, arguments.configuration, "--child", trainer]
    command += ["--steps", str(arguments.steps), "--threads", str(arguments.threads), "--device", arguments.device]
    environment = {**os.environ, **(KEEP_FREED_MEMORY if arguments.keep_freed_memory else {})}
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=environment)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for key in ("steps", "loading", "loss"):
        values = [value for result in results for value in result[key]]
        low, middle, high = statistics.quantiles(values, n=4)
        summary[key] = {"median_s": middle, "quartiles_s": [low, high]}
    memory = [result["memory"] / 2**30 for result in results]
    summary["memory"] = {"median_gib": statistics.median(memory), "range_gib": [min(memory), max(memory)]}
    return summary


def _print(summary: dict[str, Any]) -> None:
    stock = summary["nnUNetTrainer"]
    print("| trainer | step (s), quartiles | x stock | peak memory (GiB), range | x stock | loss (s) | batch (s) |")
    print("|---|---|---|---|---|---|---|")
    for name, row in summary.items():
        step, memory = row["steps"], row["memory"]
        print(
            f"| `{name}` | {step['median_s']:.2f} ({step['quartiles_s'][0]:.2f} to {step['quartiles_s'][1]:.2f}) "
            f"| {step['median_s'] / stock['steps']['median_s']:.2f} "
            f"| {memory['median_gib']:.2f} ({memory['range_gib'][0]:.2f} to {memory['range_gib'][1]:.2f}) "
            f"| {memory['median_gib'] / stock['memory']['median_gib']:.2f} "
            f"| {row['loss']['median_s']:.3f} | {row['loading']['median_s']:.3f} |"
        )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name of a preprocessed data set")
    parser.add_argument("configuration")
    parser.add_argument("--steps", type=int, default=3, help="steps in each process")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each trainer")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=list(WARM_UP), default="cpu")
    parser.add_argument(
        "--keep-freed-memory",
        action="store_true",
        help="for all trainers; on a CPU, ours do it anyway",
    )
    parser.add_argument("--json", type=Path, help="file to write")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
