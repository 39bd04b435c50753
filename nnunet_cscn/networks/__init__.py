"""BUNet, ACDNet, CSCN, and beside them V-Net, DeepLab and CNN, all with the topology of an nnU-Net plan."""
