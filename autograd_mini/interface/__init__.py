"""How nodes are used: as numbers of Python, as arrays of NumPy, and what is refused."""
