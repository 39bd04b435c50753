"""What the commands do, for Python: plain arguments, progress by callbacks, results as objects."""
