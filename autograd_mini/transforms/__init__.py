"""Functions of functions: derivatives of plain NumPy-style functions, to any order.

Every function here takes ``f`` and gives a function of the same arguments.  Arguments, and what
``f`` returns where that is more than one number, may be numbers, arrays, and dicts, lists, tuples
and dataclasses of them, nested at will; what comes back is arranged as the argument is.  Plain
arguments give plain results; Tensors and Values give Tensors and Values, so that the derivative of
a derivative is written as it is said.  A Tensor that ``f`` brings in from outside is a constant to
a plain call; where the result is to be differentiated with respect to it, as in a penalty on
slopes, ``f`` is called with Tensors.  Inside ``f`` a plain argument is a Tensor: a function that
brings in Values of its own is given Values.

>>> import numpy as np
>>> from autograd_mini import grad
>>> grad(np.tanh)(0.0)
1.0
>>> grad(grad(grad(np.tanh)))(0.0)
-2.0
"""
