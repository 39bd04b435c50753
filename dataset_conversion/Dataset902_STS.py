"""Convert the soft-tissue sarcoma MR of theibsi/data_sets to Dataset902_STS; the same as ``cscn convert sts``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import paired_converter, standalone
from nnunet_cscn.conversion.sts import STS

if __name__ == "__main__":
    run(standalone(paired_converter(STS)))
