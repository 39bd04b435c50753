"""Convert the Decathlon's hippocampus MR to Dataset904_Hippocampus; the same as ``cscn convert hippocampus``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import hippocampus, standalone

if __name__ == "__main__":
    run(standalone(hippocampus))
