"""Convert SegRap 2023 or 2025 to Dataset923_SegRap; the same as ``cscn convert segrap``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone
from nnunet_cscn.cli.convert_public import segrap

if __name__ == "__main__":
    run(standalone(segrap))
