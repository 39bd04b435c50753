"""Turn data sets into nnU-Net's raw format; knows nothing of torch."""
