"""A file as it stands: it is run with nothing of it let out, and its training step is found."""
