"""The networks: BUNet, ACDNet, CSCN, and for comparison V-Net, DeepLab and CNN, all with an nnU-Net plan's topology."""
