"""The protocol of the paper: its splits, its schedule, its curves."""
