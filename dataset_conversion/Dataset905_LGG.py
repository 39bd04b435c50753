"""Convert the lower-grade glioma MR of Buda et al. to Dataset905_LGG; the same as ``cscn convert lgg``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone
from nnunet_cscn.cli.convert_public import lgg

if __name__ == "__main__":
    run(standalone(lgg))
