"""The source that Cython compiles of ``core/array_node.py``: its fields are to be seen from Python.

``setup.py`` writes it and compiles it; it runs before the package can be imported.
"""

from __future__ import annotations

import re
from pathlib import Path

NODE = "core/array_node.py"
"""The file, from the package's folder on."""

_HEADER = """\
# cython: binding=False
import cython
from cython.cimports.sources import MADE_FROM
from autograd_mini._build import build

build.require(MADE_FROM.decode())  # before anything else of a version that may be another
"""

_FUTURE = "from __future__ import annotations\n"
_SHIM = "from autograd_mini._build import uncompiled as cython\n"
_KINDS = {"Operand": "object", "Operation | None": "object", "tuple[Any, ...]": "tuple", "dict[str, Any]": "dict"}


def composed_node(package: Path) -> str:
    """The source, made of the file in the package's folder."""
    docstring, future, rest = (package / NODE).read_text(encoding="utf-8").partition(_FUTURE)
    before, node, after = rest.replace(_SHIM, "").partition("\nclass ArrayNode")
    fields, method, after = after.partition("\n    def ")
    fields = re.sub(r"(?m)^    (\w+): ([^=#\n]+?)(  #.*)?$", _public, fields)
    return "".join((docstring, future, _HEADER, before, node, fields, method, after))


def _public(field: re.Match[str]) -> str:
    kind = _KINDS.get(field[2], field[2])
    return f'    {field[1]} = cython.declare({kind}, visibility="public")'
