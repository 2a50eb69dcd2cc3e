"""Recording of plain NumPy and Python code as it stands: views, writes and numbers included.

>>> import numpy as np
>>> from autograd_mini import gradients
>>> with recording() as tape:
...     w = tape.leaf(np.array([[1.0, 2.0], [3.0, 4.0]]), label="w")
...     w2 = w * w
...     w2[0] = 0.0
...     loss = w2.sum()
>>> gradients(node_of(loss), node_of(w))
array([[0., 0.],
       [6., 8.]])
"""

from autograd_mini.recording.arrays import RecordedArray
from autograd_mini.recording.memory import node_of, version_of
from autograd_mini.recording.scalars import RecordedFloat, RecordedNumber
from autograd_mini.recording.tape import Note, Tape, recording

__all__ = [
    "Note",
    "RecordedArray",
    "RecordedFloat",
    "RecordedNumber",
    "Tape",
    "node_of",
    "recording",
    "version_of",
]
