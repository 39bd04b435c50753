"""Tests, intervals and ranks for figures measured on the same cases."""
