"""The paper's experiment: its configuration, its runs, its table and its figures."""
