"""Run commands elsewhere: in local processes, one for each device, or through Slurm."""
