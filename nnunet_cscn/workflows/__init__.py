"""What the commands do, as functions with plain arguments, for Python users and for the command line."""
