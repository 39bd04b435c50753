"""The settings of the method, as stored in the plans."""
