"""A wheel without the compiled scalar engine, on demand: ``AUTOGRAD_MINI_PURE=1 pip wheel .``.

Everything else stands in setup.cfg and pyproject.toml.
"""

import os

from setuptools import Distribution, setup


class Pure(Distribution):
    """A distribution whose extension module is left out."""

    def has_ext_modules(self) -> bool:
        return False


pure = os.environ.get("AUTOGRAD_MINI_PURE", "0") not in ("", "0")
setup(distclass=Pure if pure else Distribution)
