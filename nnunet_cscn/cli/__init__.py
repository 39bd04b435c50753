"""The ``cscn`` command: one module for each subcommand. Slow imports are inside the functions."""
