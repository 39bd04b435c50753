"""Plans: configurations of one's own, and plans that fit two networks into memory."""
