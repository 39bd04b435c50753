"""The options of the method."""
