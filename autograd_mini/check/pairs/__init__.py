"""A problem from a layer: its forward pass, and its backward pass that was derived by hand."""
