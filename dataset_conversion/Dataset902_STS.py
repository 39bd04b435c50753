"""Convert the soft-tissue sarcoma MR of theibsi/data_sets to Dataset902_STS; the same as ``cscn convert sts``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone, sts

if __name__ == "__main__":
    run(standalone(sts))
