"""Grids and voxels of NIfTI files; a damaged file is refused."""
