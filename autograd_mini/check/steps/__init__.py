"""A training step as it stands: what it changes, its loss, and the problem that it is."""
