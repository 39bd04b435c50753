"""Convert NPC-277 to Dataset277_NPC277 (or one of its other modes); the same as ``cscn convert npc277``."""

from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.convert import standalone
from nnunet_cscn.cli.convert_public import npc277

if __name__ == "__main__":
    run(standalone(npc277))
