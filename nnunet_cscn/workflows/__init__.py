"""The functions behind the commands, with plain arguments, for Python users and for the command line."""
