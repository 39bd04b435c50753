"""Compare the memory that a training step keeps for the backward pass with the estimate of nnU-Net's planner.

nnU-Net's planner estimates memory from the size of the convolution outputs. ``cscn plan`` does this for both networks.
The estimate is correct if both networks keep the same number of bytes for each output. The script counts the bytes of
each tensor, without a GPU, in full precision.

Example: python benchmarks/memory_cost.py 901 905 --json runs/memory_cost.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import Tensor, nn

from nnunet_cscn.files import write_json
from nnunet_cscn.networks.registry import build_network
from nnunet_cscn.nnunet.folders import preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import read_plans

NETWORKS = ("stock", "bunet", "acdnet", "cscn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", help="numbers or names of planned data sets")
    parser.add_argument("--configuration", default="3d_fullres")
    parser.add_argument("--json", type=Path, help="file to write")
    arguments = parser.parse_args()
    rows = [row for dataset in arguments.datasets for row in measure(dataset, arguments.configuration)]
    print("| data set | network | convolution outputs (million) | kept (GiB) | bytes for each output | x stock, kept |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        stock = next(r for r in rows if r["dataset"] == row["dataset"] and r["network"] == "stock")
        print(
            f"| {row['dataset']} | {row['network']} | {row['outputs'] / 1e6:.1f} | {row['kept_bytes'] / 2**30:.2f} "
            f"| {row['kept_bytes'] / row['outputs']:.1f} | {row['kept_bytes'] / stock['kept_bytes']:.2f} |"
        )
    if arguments.json:
        write_json(arguments.json, {"rows": rows})


def measure(dataset: str, name: str) -> list[dict[str, Any]]:
    """Count the bytes of each network for one sample with the plan of a data set."""
    plans = read_plans(dataset)
    configuration = plans["configurations"][name]
    folder = preprocessed_dataset(dataset)
    channels = len(read_dataset_json(folder)["channel_names"])
    rows = []
    for network_name in NETWORKS:
        network = _network(network_name, configuration, channels)
        outputs = network.compute_conv_feature_map_size(configuration["patch_size"])  # type: ignore[operator]
        kept = kept_bytes(network, (1, channels, *configuration["patch_size"]))
        rows.append({"dataset": folder.name, "network": network_name, "outputs": int(outputs), "kept_bytes": kept})
    return rows


def kept_bytes(network: nn.Module, shape: Sequence[int]) -> int:
    """Return the bytes of all tensors that autograd keeps between forward and backward pass, without weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    network.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = network(torch.rand(tuple(shape)))
    total = sum(kept.values())
    del output
    return total


def _network(name: str, configuration: dict[str, Any], channels: int) -> Any:
    if name != "stock":
        return build_network(
            name,  # type: ignore[arg-type]
            configuration, input_channels=channels, output_channels=2, deep_supervision=True,
        )  # fmt: skip
    architecture = configuration["architecture"]
    return get_network_from_plans(
        architecture["network_class_name"], architecture["arch_kwargs"], architecture["_kw_requires_import"],
        channels, 2, deep_supervision=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
