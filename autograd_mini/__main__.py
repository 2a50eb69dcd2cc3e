"""``python -m autograd_mini``, which is ``autograd-mini``."""

import sys

from autograd_mini.cli import main

if __name__ == "__main__":
    sys.exit(main())
