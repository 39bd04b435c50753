"""Training data besides nnU-Net's images: distance maps, extra channels, views, and augmented probabilities."""
