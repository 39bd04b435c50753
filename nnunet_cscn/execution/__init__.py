"""Run commands in local processes, one per device, or through Slurm."""
