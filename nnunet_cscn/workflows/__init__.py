"""What the commands do, as functions with plain arguments: the command line only parses and prints."""
