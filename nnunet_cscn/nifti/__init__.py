"""Grids and voxels of NIfTI files, read so that nothing broken passes for whole."""
