"""What pyproject.toml and setup.cfg cannot say of the compiled engines.

They carry the hashes of what they were made from, and ``AUTOGRAD_MINI_PURE=1 pip wheel .`` makes a
wheel without it.
"""

import os
import runpy
from pathlib import Path

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext

hashes = runpy.run_path("autograd_mini/_build/build.py")["hashes"]
compose = runpy.run_path("autograd_mini/_build/compose.py")
compose_node = runpy.run_path("autograd_mini/_build/compose_node.py")

ENGINES = {
    "value_compiled": (compose["PARTS"], compose["composed"]),
    "array_node_compiled": ([compose_node["NODE"]], compose_node["composed_node"]),
}
"""What each compiled engine is made of, and its one source."""


class Pure(Distribution):
    """A distribution whose extension module is left out."""

    def has_ext_modules(self) -> bool:
        return False


class Build(build_ext):
    """The extensions, with the hashes of what each is made of; one source makes an engine."""

    def build_extension(self, ext: Extension) -> None:
        package = Path("autograd_mini")
        name = ext.name.rpartition(".")[2]
        parts, composed = ENGINES.get(name, ((), None))
        others = [str(Path(path).relative_to(package)) for path in ext.depends]
        made_from = hashes(str(package), [*parts, *others])
        ext.define_macros.append(("SOURCES", ",".join(f"{n}:{h}" for n, h in made_from.items())))
        if composed is not None:
            source = Path(self.build_temp, f"{name}.py")
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(composed(package), encoding="utf-8")
            ext.sources = [str(source)]
            print(f"compiling {ext.name}, which takes up to half a minute", flush=True)
        super().build_extension(ext)


pure = os.environ.get("AUTOGRAD_MINI_PURE", "0") not in ("", "0")
setup(distclass=Pure if pure else Distribution, cmdclass={"build_ext": Build})
