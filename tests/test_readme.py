"""The README's examples: each block of Python, as it is pasted, prints the text below it."""

import contextlib
import doctest
import io
import linecache
import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_every_block_of_python_can_be_pasted_and_prints_what_stands_below_it(monkeypatch):
    pairs = re.findall(
        r"```python\n((?:(?!```).)*)```\n\n```text\n(.*?)```", README.read_text("utf-8"), re.DOTALL
    )
    assert len(pairs) == README.read_text("utf-8").count("```python") - 1 >= 3
    names: dict[str, object] = {}
    for code, text in pairs:
        file = "net.py"  # as the printed reports have it
        lines = code.splitlines(keepends=True)
        monkeypatch.setitem(linecache.cache, file, (len(code), None, lines, file))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, file, "exec"), names)
        found = printed.getvalue()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.DONT_ACCEPT_BLANKLINE
        assert doctest.OutputChecker().check_output(text, found, flags), found


def test_the_training_script_is_checked_by_the_command_below_it(tmp_path):
    ((script, command, text),) = re.findall(
        r"```python\n([^`]*?)```\n\n```\nautograd-mini (.*?)\n```\n\n```text\n(.*?)```",
        README.read_text("utf-8"),
        re.DOTALL,
    )
    (tmp_path / "train.py").write_text(script, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "autograd_mini", *command.split()],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert doctest.OutputChecker().check_output(text, ran.stdout, doctest.ELLIPSIS), ran.stdout
