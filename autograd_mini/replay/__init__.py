"""Record once, run often: compiled functions of numbers, and the source of gradients."""

from autograd_mini.replay.compiled import compile as compile
from autograd_mini.replay.source import source as source
