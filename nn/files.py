"""Files: a model's numbers and a run's checkpoint, saved whole and checked when they are read.

An ``.npz`` file holds one array for each name and, under ``about``, a text in JSON with the
format's version and a checksum of everything.  Nothing in it is pickled or compressed, so that
reading a file never runs code and never takes more memory than the file has bytes, some times
over: sizes and types are checked against the file before an array is made.  NumPy's own
``np.load`` reads the arrays, too.  A ``.safetensors`` file holds the arrays in PyTorch's layout
and, where ``save`` wrote it, a checksum.

A checksum tells what was damaged from what is whole, not who wrote it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from autograd_mini.files import write_whole
from autograd_mini.nn.layers.cells import Cell
from autograd_mini.nn.layers.dense import Dense
from autograd_mini.nn.module import Module
from autograd_mini.nn.optional import needed
from autograd_mini.typing import Array

FilePath = str | os.PathLike[str]

FORMAT = "autograd_mini"
VERSION = 1
"""The version of the ``.npz`` layout that is written; older ones would be read, too."""

REAL = "fiub"
"""The kinds of numbers that files hold, as NumPy names them."""

_LONGEST = 1000  # bytes of an array's header: 64 axes fit, and little that is costly to read

_ABOUT = "about"
_CHECKSUM = "autograd_mini.sha256"
"""What the metadata of a ``.safetensors`` file call the checksum of its arrays."""

_CHANGED = "its content is not what was saved (the checksum differs); it was changed"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip file's first date: the same model gives the same bytes


def save(model: Module, path: FilePath, *, names: Iterable[str] | None = None) -> None:
    """Write all parameters and buffers of a model to a file, whole or not at all.

    Arguments:
        model: the model.
        path: a file that ends in ``.npz``, or in ``.safetensors`` (needs the package
            ``safetensors``); its folder is made if it is missing.
        names: for ``.safetensors``, what to call the arrays in the file, in the order of
            ``model.state()``, such as ``torch_model.state_dict()``; the model's own names by
            default.

    A ``.safetensors`` file holds what PyTorch's layers hold: the weights of layers that
    multiply are transposed to ``(n_out, n_in)``.

    Raises:
        ValueError: the file's name ends in something else, or ``names`` has the wrong length.
        ImportError: ``safetensors`` is not installed.

    >>> import tempfile
    >>> from autograd_mini import nn
    >>> model, other = nn.MLP([2, 3, 1], rng=0), nn.MLP([2, 3, 1], rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save(model, folder + "/model.npz")
    ...     same = nn.load(other, folder + "/model.npz")
    >>> same is other, bool(np.all(other([1, 2]).data == model([1, 2]).data))
    (True, True)
    """
    if _suffix(path) == ".npz":
        if names is not None:
            raise ValueError("names= is for .safetensors files; .npz files keep the model's names")
        write_archive(path, "model", dict(model.state()))
        return
    state = _in_torch_layout(model, model.state())
    renamed = dict(zip(_renamed(list(state), names), state.values(), strict=True))
    safetensors = needed("safetensors.numpy", "safetensors", "to write .safetensors files")
    contiguous = {name: np.asarray(array, order="C") for name, array in renamed.items()}
    about = {_CHECKSUM: _checksum_of_arrays(contiguous)}
    write_whole(path, safetensors.save(contiguous, metadata=about))


def load(model: Module, path: FilePath, *, names: Iterable[str] | None = None) -> Module:
    """Give a model the parameters and buffers of a file, all of them or none.

    Arguments:
        model: a model made in the same way as the one that was saved.
        path: a ``.npz`` file that ``save`` wrote, or a ``.safetensors`` file.
        names: for ``.safetensors``, what the arrays are called in the file, in the order of
            ``model.state()``, such as ``torch_model.state_dict()``.

    Returns:
        The same model.

    Raises:
        ValueError: the file is truncated, was changed, is of another format or of a later
            version, or its names, shapes or kinds of numbers are not those of the model; says
            which.  A ``.safetensors`` file that others wrote has no checksum, and a changed
            number in it is not noticed.
        FileNotFoundError: there is no such file.
        ImportError: ``safetensors`` is not installed.
    """
    if _suffix(path) == ".npz":
        if names is not None:
            raise ValueError("names= is for .safetensors files; .npz files keep the model's names")
        state = read_archive(path, "model")
        for name, part in state.items():
            if not isinstance(part, np.ndarray):
                refuse(path, f"{name} is a {type(part).__name__}, not an array")
        load_checked(model, state, path)
        return model
    safetensors = needed("safetensors.numpy", "safetensors", "to read .safetensors files")
    content = _content(path)
    try:
        found = safetensors.load(content)
    except KeyError as error:
        refuse(path, f"it holds numbers of the kind {error}, which NumPy lacks")
    except _safetensors_errors() as error:
        refuse(path, f"it is no whole .safetensors file ({error})")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    for key, text in header.get("__metadata__", {}).items():
        ours = key == _CHECKSUM or text.startswith(_CHECKSUM)  # either of them may be damaged
        if ours and text != _checksum_of_arrays(found):
            refuse(path, _CHANGED)
    ours = list(model.state())
    called = dict(zip(ours, _renamed(ours, names), strict=True))
    state = {name: found.pop(theirs) for name, theirs in called.items() if theirs in found}
    state.update(found)  # what is left over is named in the error
    load_checked(
        model,
        _in_torch_layout(model, state),
        path,
        "; names= says what the file calls each of the model's arrays",
    )
    return model


def load_checked(model: Module, state: Mapping[str, Any], path: FilePath, advice: str = "") -> None:
    """``model.load_state(state)``, with the file's name in the error."""
    try:
        model.load_state(state)
    except (ValueError, TypeError) as error:
        refuse(path, f"{error}{advice}")


# Archives: a tree of dicts, lists, numbers, text and arrays in one .npz file


def write_archive(path: FilePath, kind: str, tree: Mapping[str, Any]) -> None:
    """Write a tree of dicts, lists, numbers, text, ``None`` and arrays, whole or not at all."""
    arrays: dict[str, Array] = {}
    about = {"format": FORMAT, "version": VERSION, "kind": kind, "tree": _packed(tree, "", arrays)}
    members = {name: _npy(array) for name, array in arrays.items()}
    about["checksum"] = _checksum(about, members)
    text = json.dumps(about, sort_keys=True).encode()
    members[_ABOUT] = _npy(np.frombuffer(text, dtype=np.uint8))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content)
    write_whole(path, target.getvalue())


def read_archive(path: FilePath, kind: str) -> dict[str, Any]:
    """The tree that ``write_archive`` wrote.

    Raises:
        ValueError: the file is truncated, was changed, or is something else.
    """
    members = _members(path)
    if _ABOUT not in members:
        refuse(path, "it was not written by autograd_mini (there is no 'about')")
    text = _array(path, _ABOUT, members.pop(_ABOUT)).tobytes()
    try:
        about = dict(json.loads(text))
        form, version, found, tree = (about[k] for k in ("format", "version", "kind", "tree"))
        checksum, right = about.pop("checksum"), _checksum(about, members)
    except (ValueError, TypeError, KeyError, RecursionError):
        refuse(path, "what it says about itself cannot be read; it was changed")
    if form != FORMAT:
        refuse(path, f"its format is {form!r}, not {FORMAT!r}")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        refuse(
            path,
            f"its format has version {version!r}, and this autograd_mini reads up to {VERSION}",
        )
    if checksum != right:
        refuse(path, _CHANGED)
    if found != kind:
        refuse(path, f"it holds a {found}, not a {kind}")
    arrays = {name: _array(path, name, data) for name, data in members.items()}
    try:
        whole = _unpacked(tree, arrays)
    except (KeyError, TypeError, RecursionError) as error:
        refuse(path, f"its tree of names cannot be followed ({error})")
    if not isinstance(whole, dict):
        refuse(path, f"it holds a {type(whole).__name__}, not arrays by name")
    return whole


def _content(path: FilePath) -> bytes:
    """The bytes of a file on disk: a pipe or a device could keep its reader waiting for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        refuse(path, "it is a folder, a pipe or a device, not a file")
    return Path(path).read_bytes()


def _members(path: FilePath) -> dict[str, bytes]:
    """The archive's members by name, which take no more memory than the file."""
    content = _content(path)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
    except Exception as error:  # zipfile raises of many kinds where bytes make no sense
        refuse(path, f"it is no whole .npz file ({error}); it is truncated or was changed")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            refuse(path, f"{entry.filename} is compressed, and nn.save stores arrays as they are")
    if sum(entry.file_size for entry in entries) > len(content):
        refuse(path, f"its arrays have more bytes than the file, which has {len(content)}")
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        refuse(path, f"it holds {twice} more than once")
    try:
        return {name: archive.read(entry) for name, entry in zip(names, entries, strict=True)}
    except Exception as error:
        refuse(path, f"it is no whole .npz file ({error}); it is truncated or was changed")


def _npy(array: Array) -> bytes:
    target = io.BytesIO()
    np.lib.format.write_array(target, np.asarray(array), version=(1, 0), allow_pickle=False)
    return target.getvalue()


def _array(path: FilePath, name: str, content: bytes) -> Array:
    """The array of a member, whose shape and type are held against its bytes first."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST)
    except Exception as error:
        refuse(path, f"{name} has no header of an array ({str(error)[:80]}); it was changed")
    if version != (1, 0) or dtype.kind not in REAL or min(shape, default=0) < 0:
        refuse(path, f"{name} holds {dtype} of shape {shape}; files hold arrays of real numbers")
    needed_bytes, there = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if needed_bytes != there:
        refuse(path, f"{name} of shape {shape} takes {needed_bytes} bytes, and has {there}")
    flat: Array = np.frombuffer(content, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy(order="K")


def _checksum(about: Mapping[str, Any], members: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(members):
        digest.update(f"\n{name} {len(members[name])}\n".encode())
        digest.update(members[name])
    return digest.hexdigest()


def _checksum_of_arrays(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return f"{_CHECKSUM} {digest.hexdigest()}"


_ARRAY = "__array__"


def _packed(tree: object, place: str, arrays: dict[str, Array]) -> Any:
    """The tree in JSON's terms; its arrays go to ``arrays`` under their places."""
    if isinstance(tree, Mapping):
        if not all(isinstance(key, str) for key in tree):
            wrong = next(key for key in tree if not isinstance(key, str))
            raise TypeError(f"{place or 'the tree'} has the key {wrong!r}; keys in a file are text")
        return {
            key: _packed(part, f"{place}/{key}" if place else key, arrays)
            for key, part in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [_packed(part, f"{place}/{index}", arrays) for index, part in enumerate(tree)]
    if isinstance(tree, np.ndarray):
        name = place if place != _ABOUT else f"{place}/"
        arrays[name] = tree
        return {_ARRAY: name}
    if isinstance(tree, np.generic):
        return tree.item()
    if tree is None or isinstance(tree, str | int | float | bool):
        return tree
    raise TypeError(f"{place or 'the tree'} is a {type(tree).__name__}, which no file here holds")


def _unpacked(tree: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key: _unpacked(part, arrays) for key, part in tree.items()}
    if isinstance(tree, list):
        return [_unpacked(part, arrays) for part in tree]
    return tree


# Names and layouts


def _suffix(path: FilePath) -> str:
    suffix = Path(path).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(f"{os.fspath(path)!r}: a model's file ends in .npz or .safetensors")
    return suffix


def _renamed(ours: list[str], names: Iterable[str] | None) -> list[str]:
    if names is None:
        return ours
    theirs = list(names)
    if len(theirs) != len(ours) or len(set(theirs)) != len(ours):
        raise ValueError(
            f"names= needs {len(ours)} different names, one for each of {', '.join(ours)}; "
            f"got {len(theirs)}: {', '.join(theirs)}"
        )
    return theirs


def _in_torch_layout(model: Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays with the matrices of layers that multiply transposed; twice is once back."""
    matrices = _matrices(model)
    return {
        name: np.asarray(array).T if name in matrices and np.ndim(array) == 2 else array
        for name, array in state.items()
    }


def _matrices(model: Module) -> set[str]:
    cells = [m for m in model.modules() if isinstance(m, Cell)]
    weights = {id(m.weight) for m in model.modules() if isinstance(m, Dense)}
    weights |= {id(w) for cell in cells for w in (cell.weight, cell.recurrent_weight)}
    return {name for name, parameter in model.named_parameters() if id(parameter) in weights}


def _safetensors_errors() -> tuple[type[Exception], ...]:
    import safetensors

    return ValueError, safetensors.SafetensorError


def refuse(path: FilePath, why: str) -> NoReturn:
    """Say why a file is not read.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{os.fspath(path)} is refused: {why}") from None
