"""The staged soft cascade: out-of-fold probabilities of stage one, stored for stage two."""
