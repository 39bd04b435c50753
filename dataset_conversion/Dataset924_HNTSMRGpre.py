"""Convert HNTS-MRG 2024 to Dataset924_HNTSMRGpre; the same as ``cscn convert hnts-mrg``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone
from nnunet_cscn.cli.convert_public import hnts_mrg

if __name__ == "__main__":
    run(standalone(hnts_mrg))
