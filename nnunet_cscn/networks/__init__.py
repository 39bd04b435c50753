"""The networks BUNet, ACDNet and CSCN, all with the topology of an nnU-Net plan."""
