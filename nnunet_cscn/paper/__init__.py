"""The experiment of the paper: configuration, runs, table and figures."""
