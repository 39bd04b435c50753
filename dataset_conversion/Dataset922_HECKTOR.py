"""Convert HECKTOR 2022 or 2025 to Dataset922_HECKTOR; the same as ``cscn convert hecktor``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone
from nnunet_cscn.cli.convert_public import hecktor

if __name__ == "__main__":
    run(standalone(hecktor))
