"""What nnU-Net's class search finds: re-exports of the trainers, nothing else."""
