"""Use cases with plain arguments, for Python users and for the command line."""
