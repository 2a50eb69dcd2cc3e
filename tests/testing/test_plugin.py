"""``pytest --gradients FILE``: a test for each file, and nothing where it is not asked for."""

import subprocess
import sys
from importlib.metadata import distributions

RIGHT = "w = 3.0\nfor i in range(9):\n    E = w**2\n    w -= 0.1 * 2 * w\n"
WRONG = RIGHT.replace("2 * w\n", "2 + w\n")
INSTALLED = any(e.value == "pytest_autograd_mini" for d in distributions() for e in d.entry_points)
PLUGIN = () if INSTALLED else ("-p", "autograd_mini.testing.plugin")  # once, as an option is added


def run(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGIN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_each_file_is_a_test(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "test_other.py").write_text("def test_one():\n    assert False\n")
    done = run(tmp_path, "--gradients", "right.py", "--gradients", "wrong.py")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout  # test_other.py was not asked for
    assert "1 mistake (wrong.py:4); w is wrong for it" in done.stdout
    assert "2 * w" not in done.stdout  # what is right is not told
    assert "Traceback" not in done.stdout
    beside = run(tmp_path, "test_other.py", "--gradients", "right.py")
    assert "1 failed, 1 passed" in beside.stdout
    chosen = run(tmp_path, "--gradients", "right.py", "--gradients", "wrong.py", "-k", "right.py")
    assert "1 passed, 1 deselected" in chosen.stdout


def test_what_cannot_be_checked_fails(tmp_path):
    (tmp_path / "idle.py").write_text("print(1)\n")
    done = run(tmp_path, "--gradients", "idle.py")
    assert done.returncode == 1
    assert "has nothing to check" in done.stdout


def test_where_it_is_not_asked_for_it_imports_nothing(tmp_path):
    code = (
        "import runpy, sys\n"
        "from pathlib import Path\n"
        "import autograd_mini.testing.plugin as plugin\n"
        "source = plugin.__file__\n"
        "ours = ('autograd_mini', 'numpy')\n"
        "for name in [n for n in sys.modules if n.partition('.')[0] in ours]:\n"
        "    del sys.modules[name]\n"
        "runpy.run_path(source)\n"
        "assert not {*ours} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
