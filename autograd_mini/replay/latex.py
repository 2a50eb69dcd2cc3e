r"""The lines of ``source`` as LaTeX: a derivation to print, with δ for gradients.

>>> from autograd_mini.replay.source import source
>>> print(source(lambda w, x: (w * x - 1.0) ** 2 / 2, 0.5, 3.0, language="latex"))
\begin{aligned}
v_{2} &= w \cdot x - 1 \\
\mathrm{value} &= \frac{v_{2}^{2}}{2} \\
\delta_{x} &= v_{2} \cdot w \\
\delta_{w} &= v_{2} \cdot x \\
&\text{with } \delta_{x} \text{ for } \partial \mathrm{value} / \partial x
\end{aligned}
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from autograd_mini.show.numpy_lines import NumpyWriter


class LatexWriter(NumpyWriter):
    """Lines of one ``aligned`` environment, as MathJax and amsmath take."""

    empty = ""
    note = r"&\text{with } \delta_{x} \text{ for } \partial \mathrm{value} / \partial x"

    def written(self, formula: ast.expr) -> str:
        """A formula as LaTeX."""
        return self.terms.latex(formula)

    def named(self, name: str) -> str:
        """A name as LaTeX."""
        return self.terms.latex(ast.Name(name))

    def argument(self, name: str) -> str:
        """What an argument is called."""
        return name

    def assignment(self, name: str, formula: str, shape: Sequence[int]) -> str:
        """A line that gives a name to a formula."""
        sizes = r" \times ".join(map(str, shape))
        return f"{name} &= {formula}" + rf" && \in \mathbb{{R}}^{{{sizes}}}" * bool(shape)

    def definition(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        """All lines, without those that take arguments apart."""
        lines = [line for line in body if not line.startswith("#") and "['" not in line]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def returned(self, value: str, gradients: str) -> str:
        """What δ stands for."""
        return self.note

    def tuple(self, parts: Sequence[str]) -> str:
        """Several in the place of one, which are lines already."""
        return ""
