"""Count the parameters of each network for one configuration of a data set.

Example: python benchmarks/parameters.py 901 3d_fullres
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cscn.networks.registry import BUILDERS, build_network
from nnunet_cscn.nnunet.folders import preprocessed_dataset, read_dataset_json
from nnunet_cscn.nnunet.plans import read_plans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="number or name")
    parser.add_argument("configuration")
    parser.add_argument("-p", "--plans", default="nnUNetPlans")
    arguments = parser.parse_args()
    counted = count(
        read_plans(arguments.dataset, arguments.plans),
        read_dataset_json(preprocessed_dataset(arguments.dataset)),
        arguments.configuration,
    )
    for name, number in counted.items():
        print(f"{name:8} {number:>12,}  {number / 1e6:.1f} M")


def count(plans: dict[str, Any], dataset_json: dict[str, Any], configuration: str) -> dict[str, int]:
    """Build each network on the meta device and count its parameters."""
    manager = PlansManager(plans)
    configured = manager.get_configuration(configuration)
    counted = {}
    for name in BUILDERS:
        with torch.device("meta"):
            network = build_network(
                name,
                configured.configuration,
                input_channels=determine_num_input_channels(manager, configured, dataset_json),
                output_channels=manager.get_label_manager(dataset_json).num_segmentation_heads,
                deep_supervision=True,
            )
        counted[name] = sum(parameter.numel() for parameter in network.parameters())
    return counted


if __name__ == "__main__":
    main()
