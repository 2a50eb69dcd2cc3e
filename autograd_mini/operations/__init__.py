"""The catalogue: every operation, stated once."""
