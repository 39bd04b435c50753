"""Damage files, in ways that their kind suggests. Each mutator takes the content and a seeded source of chance."""
