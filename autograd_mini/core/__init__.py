"""The engine: operations, the two nodes, and the sweep."""
