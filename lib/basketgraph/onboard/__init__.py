"""A first mapping for a new shop, guessed from a sample of its files: what lies there, what its columns mean, and a draft that says why."""
