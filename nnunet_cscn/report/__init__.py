"""Pictures and reports; they know nothing of torch."""
