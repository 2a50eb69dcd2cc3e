"""What pyproject.toml and setup.cfg cannot say of the compiled scalar engine.

It carries the hashes of what it was made from, and ``AUTOGRAD_MINI_PURE=1 pip wheel .`` makes a
wheel without it.
"""

import os
import runpy
from pathlib import Path

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext

hashes = runpy.run_path("autograd_mini/_build/build.py")["hashes"]


class Pure(Distribution):
    """A distribution whose extension module is left out."""

    def has_ext_modules(self) -> bool:
        return False


class Build(build_ext):
    """The extension with the hashes of its sources."""

    def build_extension(self, ext: Extension) -> None:
        package = Path("autograd_mini")
        sources = [Path(path).relative_to(package) for path in [*ext.sources, *ext.depends]]
        made_from = hashes(package, map(str, sources))
        ext.define_macros.append(("SOURCES", ",".join(f"{n}:{h}" for n, h in made_from.items())))
        print("compiling the scalar engine, which takes about half a minute", flush=True)
        super().build_extension(ext)


pure = os.environ.get("AUTOGRAD_MINI_PURE", "0") not in ("", "0")
setup(distclass=Pure if pure else Distribution, cmdclass={"build_ext": Build})
