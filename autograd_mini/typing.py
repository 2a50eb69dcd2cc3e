"""What annotations call that which is computed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""An array of numbers."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""One axis, several, or ``None`` for all."""

Operand: TypeAlias = Any
"""A number, an array (of numbers or of Values), a Value or a Tensor.

A union of these would not do: NumPy's stubs do not say that its functions take Tensors and Values
and give them.
"""

Function: TypeAlias = Callable[..., Any]

Float: TypeAlias = type[np.floating[Any]]
"""A precision: ``np.float32``, ``np.float64``, …"""

Tree: TypeAlias = Any
"""An operand; or dicts, lists and tuples of operands, nested at will."""
