"""What training reads beside the image: distance maps, carried as extra voxel channels."""
