"""Hand all trainers to nnU-Net's class search, and nothing else: ``nnunet_cscn.training.catalogue`` lists them."""

from nnunet_cscn.training.catalogue import TRAINERS, trainer_class
from nnunet_cscn.training.lengths import BY_NAME

globals().update({name: trainer_class(name) for name in TRAINERS} | BY_NAME)
