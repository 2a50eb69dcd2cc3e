"""Files made to harm: each is refused by a ValueError, and the model stays as it is."""

import json
import os
import random
import struct
import zipfile

import numpy as np
import pytest

from autograd_mini import nn
from autograd_mini.nn import files


def made(seed=0):
    return nn.MLP([3, 5, 2], rng=seed)


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "model.npz"
    nn.save(made(), path)
    return path


def refused(path, words="refused"):
    model = made(1)
    before = model.state()
    with pytest.raises(ValueError, match=words):
        nn.load(model, path)
    for name, array in model.state().items():
        assert np.array_equal(array, before[name])


def header(shape, descr="<f8", data=b""):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def rewritten(path, *, first=None, about=None, compression=zipfile.ZIP_STORED):
    """The file with another first array or other words about itself, its checksum made anew."""
    with zipfile.ZipFile(path) as archive:
        members = {n.removesuffix(".npy"): archive.read(n) for n in archive.namelist()}
    words = json.loads(files._array(members.pop("about")).tobytes())
    del words["checksum"]
    words |= about or {}
    if first is not None:
        members[next(iter(members))] = first
    words["checksum"] = files._checksum(words, members)
    text = json.dumps(words, sort_keys=True).encode()
    members["about"] = files._npy(np.frombuffer(text, dtype=np.uint8))
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


FIRST = {
    "ten to the twelve": header("(1000000000000,)"),
    "ten to the thirty": header("(1" + "0" * 30 + ",)"),
    "negative": header("(-5, 3)", data=b"\0" * 120),
    "two negatives": header("(-5, -3)", data=b"\0" * 120),
    "more than there is": header("(500000000,)", data=b"\0" * 120),
    "less than there is": header("(3, 5)", data=b"\0" * 128),
    "objects": header("(3, 5)", "|O", b"\0" * 120),
    "complex": header("(3, 5)", "<c16", b"\0" * 240),
    "text": header("(3, 5)", "<U4", b"\0" * 240),
    "empty": b"",
    "no header": b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
    "code": header("__import__('os').system('false')"),
}


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_arrays_that_are_not_what_their_headers_say(good, first):
    rewritten(good, first=first)
    refused(good)


TREES = [
    [], 3, None, {"x": {"__array__": "nothing"}}, {"x": {"__array__": ["q"]}},
    {"x": {"__array__": {}}}, {"layers.0.weight": "text"}, json.loads("[" * 400 + "]" * 400),
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: json.dumps(tree)[:30])
def test_trees_that_are_none(good, tree):
    rewritten(good, about={"tree": tree})
    refused(good)


def test_an_archive_without_a_tree_and_one_of_no_version(good):
    rewritten(good, about={"version": "1"})
    refused(good, "format")


def test_nothing_is_unpacked_that_is_larger_than_the_file(good):
    assert {m.compress_type for m in zipfile.ZipFile(good).infolist()} == {zipfile.ZIP_STORED}
    rewritten(good, compression=zipfile.ZIP_DEFLATED)
    refused(good, "members are compressed")


def test_a_pipe_is_not_waited_for(tmp_path):
    for name in ("a.npz", "a.safetensors"):
        if name.endswith("safetensors"):
            pytest.importorskip("safetensors")
        os.mkfifo(tmp_path / name)
        refused(tmp_path / name, "no regular file")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_changed_bytes_never_load_other_numbers(tmp_path, suffix):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"model.{suffix}"
    nn.save(made(), path)
    content, right = path.read_bytes(), made().state()
    draw = random.Random(0)
    changed = 0
    for _ in range(300):
        broken = bytearray(content)
        if draw.random() < 0.8:
            broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(8)
        else:
            del broken[draw.randrange(len(broken)) :]
        path.write_bytes(broken)
        model = made(1)
        before = model.state()
        try:
            nn.load(model, path)
        except ValueError:
            changed += 1
            right_now = before
        else:
            right_now = right
        for name, array in model.state().items():
            assert np.array_equal(array, right_now[name])
    assert changed > 200


def test_a_full_disk_does_not_end_a_run(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autograd_mini.nn.files.write_whole", full)
    X = np.random.default_rng(0).normal(size=(20, 3))
    options = {"epochs": 3, "progress": False, "rng": 0}
    model, other = made(), made()
    with pytest.warns(nn.TrainingWarning, match="No space left on device.*goes on") as told:
        history = nn.fit(model, X, X[:, 0] > 0, checkpoint=tmp_path / "run.npz", **options)
    assert len(told) == 1
    assert len(history) == 3
    nn.fit(other, X, X[:, 0] > 0, **options)
    for name, array in other.state().items():
        assert np.array_equal(array, model.state()[name])
