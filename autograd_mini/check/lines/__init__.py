"""Which line of a hand-derived backward pass is wrong, and the line that is right."""
