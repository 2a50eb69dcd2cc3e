"""Record once, run often: the source of gradients."""

from autograd_mini.replay.source import source as source
