"""What pickles would run, told without running it."""
