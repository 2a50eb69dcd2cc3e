"""Optimisers, the schedules of their rates, and the clipping of gradients."""
