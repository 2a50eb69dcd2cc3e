"""Text for a terminal or pipe that does not know all letters.

>>> plain_letters("∂E/∂w = −(t − out)·√(x²) ⊙ Wᵀ", "ascii")
'dE/dw = -(t - out)*sqrt(x^2) * W.T'
>>> plain_letters("∂f/∂w = 2·w²", "cp1252")
'df/dw = 2·w²'
"""

from __future__ import annotations

import re
import sys
import unicodedata

_TRANSLITERATIONS = {
    "∂": "d", "δ": "d", "−": "-", "·": "*", "⊙": "*", "×": "x", "ᵀ": ".T", "√": "sqrt", "π": "pi",
    "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "½": "1/2", "…": "...", "→": "->",
    "←": "<-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "⁺": "+", "⁻": "-",
    "±": "+-", "′": "'", "Σ": "sum",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
}  # fmt: skip


def for_stream(text: str, stream: object = None) -> str:
    """A text as a stream can show it; ``sys.stdout`` by default."""
    stream = sys.stdout if stream is None else stream
    return plain_letters(text, getattr(stream, "encoding", None) or "utf-8")


def plain_letters(text: str, encoding: str) -> str:
    """A text with every letter that an encoding lacks spelled with others that it has."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        pass
    except LookupError:  # an encoding of the stream's own
        return text
    else:
        return text
    if not _has(encoding, "√"):
        text = re.sub(r"√(\w[\w.]*(\[[^]]*\])*)", r"√(\1)", text)
    text = re.sub(
        "[⁰¹²³⁴⁵⁶⁷⁸⁹]+",
        lambda raised: (
            raised[0]
            if _has(encoding, raised[0])
            else "^" + "".join(str(unicodedata.digit(c)) for c in raised[0])
        ),
        text,
    )
    return "".join(c if _has(encoding, c) else _spelled(c) for c in text)


def _spelled(letter: str) -> str:
    if letter in _TRANSLITERATIONS:
        return _TRANSLITERATIONS[letter]
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(letter, ""))
    if greek:
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    base = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return base or letter.encode("ascii", "backslashreplace").decode()


def _has(encoding: str, letters: str) -> bool:
    try:
        letters.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
