"""Statistical tests, confidence intervals and ranks for methods that were measured on the same cases."""
