"""Letters of a PNG: which fonts of the machine have those that the embedded Graphviz lacks.

An SVG is shown with the fonts of who looks at it; a PNG has to bring its letters.

>>> special("w = ∂E/∂x · 2"), special("δ ⊙ h")
(set(), {'⊙'})
"""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
import warnings
from collections.abc import Collection
from functools import lru_cache
from importlib import import_module
from typing import Any

KNOWN = frozenset("ᵀ∂≤≥≠≈√∞·−×→…⁺⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉ᵢ‘’“”–—•†‰∑∏∫ ")
"""What the embedded fonts have besides Latin, Greek and Cyrillic."""

_LAST_COMMON = 0x4FF

SECONDS = 10


def special(text: str) -> set[str]:
    """The letters of a text that the embedded fonts lack."""
    return {c for c in text if ord(c) > _LAST_COMMON and c not in KNOWN and c.isprintable()}


def png(svg: bytes, plain: bytes, dots: int) -> bytes:
    """The PNG of an SVG, with fonts of the machine for letters that the embedded ones lack.

    Where there is none, or no CairoSVG to draw with them, a warning says which letters are missing.

    Arguments:
        svg: the picture.
        plain: its PNG by the embedded Graphviz.
        dots: how many dots an inch has.
    """
    text = svg.decode()
    letters = special("".join(re.findall(r"<text[^>]*>([^<]*)</text>", text)))
    if not letters:
        return plain
    fonts = {letter: _families(letter) for letter in letters}
    drawn = _drawn(text, fonts, dots) if any(fonts.values()) else None
    missing = letters if drawn is None else {c for c in letters if not fonts[c]}
    if missing:
        warnings.warn(_said(missing, drawn is None and any(fonts.values())), stacklevel=2)
    return plain if drawn is None else drawn


def _said(missing: Collection[str], has_fonts: bool) -> str:
    scripts = sorted({unicodedata.name(c, "UNKNOWN").split()[0].lower() for c in missing})
    shown = "".join(sorted(missing)[:10])
    what = "`pip install cairosvg`" if has_fonts else "install a font that has them"
    return (
        f"the PNG has boxes for letters ({', '.join(scripts)}: {shown}) that no font of this "
        f"picture has: {what}, or save an SVG, which is shown with the reader's fonts"
    )


@lru_cache(maxsize=1024)
def _families(letter: str) -> frozenset[str]:
    """The families of fonts on this machine that have a letter, as fontconfig knows them."""
    program = shutil.which("fc-list")
    if program is None:
        return frozenset()
    try:
        found = subprocess.run(
            [program, f":charset={ord(letter):x}", "family"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    names = (line.partition(",")[0].strip() for line in found.stdout.splitlines())
    return frozenset(name for name in names if re.fullmatch(r"[\w .-]+", name))


def _drawn(svg: str, fonts: dict[str, frozenset[str]], dots: int) -> bytes | None:
    """The SVG drawn by CairoSVG, each text in a font that has its letters; ``None`` without it."""
    try:
        cairosvg: Any = import_module("cairosvg")
    except (ImportError, OSError):  # OSError: there is no library cairo
        return None

    def with_font(text: re.Match[str]) -> str:
        wanted = [fonts[c] for c in special(text[2]) if fonts.get(c)]
        if not wanted:
            return text[0]
        common = frozenset.intersection(*wanted) or max(wanted, key=len)
        family = min(common, key=lambda name: (name != "DejaVu Sans", name))
        return re.sub(r'font-family="[^"]*"', f'font-family="{family}"', text[1]) + text[2]

    changed = re.sub(r"(<text[^>]*>)([^<]*)(?=</text>)", with_font, svg)
    drawn: bytes = cairosvg.svg2png(bytestring=changed.encode(), scale=dots / 96)
    return drawn
