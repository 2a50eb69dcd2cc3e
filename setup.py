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
compose = runpy.run_path("autograd_mini/_build/compose.py")


class Pure(Distribution):
    """A distribution whose extension module is left out."""

    def has_ext_modules(self) -> bool:
        return False


class Build(build_ext):
    """The extensions, with the hashes of what each is made of; one source makes the engine."""

    def build_extension(self, ext: Extension) -> None:
        package = Path("autograd_mini")
        is_engine = ext.name.endswith("value_compiled")
        parts = compose["PARTS"] if is_engine else ()
        others = [str(Path(path).relative_to(package)) for path in ext.depends]
        made_from = hashes(str(package), [*parts, *others])
        ext.define_macros.append(("SOURCES", ",".join(f"{n}:{h}" for n, h in made_from.items())))
        if is_engine:
            source = Path(self.build_temp, "value_compiled.py")
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(compose["composed"](package), encoding="utf-8")
            ext.sources = [str(source)]
            print("compiling the scalar engine, which takes about half a minute", flush=True)
        super().build_extension(ext)


pure = os.environ.get("AUTOGRAD_MINI_PURE", "0") not in ("", "0")
setup(distclass=Pure if pure else Distribution, cmdclass={"build_ext": Build})
