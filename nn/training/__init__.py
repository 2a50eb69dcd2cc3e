"""Training: ``fit``, what it measures and what watches it."""
