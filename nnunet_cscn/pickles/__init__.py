"""Find the code that a pickle would run, without loading the pickle."""
