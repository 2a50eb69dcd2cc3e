"""Saving and loading: nothing is lost, nothing wrong comes in, and no file is half written."""

import copy
import hashlib
import io
import json
import os
import pickle
import tracemalloc
import warnings
import zipfile

import nn_helpers
import numpy as np
import pytest
from nn_helpers import same

from autograd_mini import nn


def network(rng=0, sizes=(3, 5, 2)):
    return nn_helpers.network(sizes, rng)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.npz"
    nn.save(network(), path)
    return path


MODELS = {
    "MLP": lambda rng: network(rng),
    "values": lambda rng: nn.MLP([2, 2, 2], scalar=True, rng=rng),
    "normalised": lambda rng: nn.Sequential(
        nn.Dense(3, 4, rng=rng), nn.BatchNorm(4), nn.Dropout(0.5, rng=rng), nn.Dense(4, 1, rng=rng)
    ),
    "recurrent": lambda rng: nn.LSTM(2, 3, layers=2, rng=rng),
    "attention": lambda rng: nn.MultiHeadAttention(4, 2, rng=rng),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_what_is_loaded_is_what_was_saved(make, tmp_path):
    model, other = make(1), make(2)
    nn.save(model, tmp_path / "deep" / "model.npz")
    assert not same(model, other)
    assert nn.load(other, tmp_path / "deep" / "model.npz") is other
    assert same(model, other)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_the_same_model_gives_the_same_bytes(ending, tmp_path):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    one, other = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    nn.save(network(), one)
    nn.save(network(), other)
    assert one.read_bytes() == other.read_bytes()


def test_numpy_reads_the_arrays_without_pickle(saved):
    with np.load(saved, allow_pickle=False) as file:
        assert np.array_equal(file["layers.0.weight"], network().layers[0].weight.data)


def test_every_truncation_is_refused_and_changes_nothing(saved):
    whole = saved.read_bytes()
    model = network(7)
    before = network(7)
    for length in range(0, len(whole), 97):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"is refused: it is no whole .npz file"):
            nn.load(model, saved)
    assert same(model, before)


def test_every_changed_byte_of_the_numbers_is_noticed(saved):
    whole = saved.read_bytes()
    for place in range(0, len(whole), 61):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        model = network(7)
        try:
            nn.load(model, saved)
        except ValueError as error:
            assert "is refused" in str(error)  # noqa: PT017
            assert same(model, network(7))
        else:  # a byte of the zip file that means nothing
            assert same(model, network())


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array, **options):
    target = io.BytesIO()
    np.save(target, array, **options)
    return target.getvalue()


def about(change):
    def apply(members):
        text = json.loads(np.load(io.BytesIO(members["about.npy"])).tobytes())
        change(text)
        members["about.npy"] = npy(np.frombuffer(json.dumps(text).encode(), np.uint8))

    return apply


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.update({"layers.0.bias.npy": npy(np.ones(5))}), "the checksum differs"),
        (lambda m: m.pop("layers.0.bias.npy"), "the checksum differs"),
        (lambda m: m.update({"more.npy": npy(np.ones(5))}), "the checksum differs"),
        (lambda m: m.pop("about.npy"), "not written by autograd_mini"),
        (lambda m: m.update({"about.npy": npy(np.arange(3, dtype=np.uint8))}), "cannot be read"),
        (about(lambda text: text.update(version=2)), "version 2, and this autograd_mini reads up"),
        (about(lambda text: text.update(format="other")), "its format is 'other'"),
        (about(lambda text: text.update(kind="checkpoint")), "the checksum differs"),
    ],
)
def test_a_tampered_file_is_refused_with_the_reason(saved, change, reason):
    rewritten(saved, change)
    with pytest.raises(ValueError, match=reason):
        nn.load(network(7), saved)


class Bomb:
    ran = False

    def __reduce__(self):
        return (setattr, (Bomb, "ran", True))


def test_no_pickle_is_ever_opened(saved, tmp_path):
    bomb = np.array([Bomb()], dtype=object)
    rewritten(saved, lambda m: m.update({"about.npy": npy(bomb, allow_pickle=True)}))
    with pytest.raises(ValueError, match="is refused"):
        nn.load(network(), saved)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="is refused"):
        nn.load(network(), tmp_path / "pickle.npz")
    assert not Bomb.ran


def about_of(members):
    return json.loads(np.load(io.BytesIO(members["about.npy"])).tobytes())


def with_right_checksum(members, **changes):
    """The members as somebody would write them who knows how the checksum is computed."""
    text = about_of(members) | changes
    del text["checksum"]
    rest = {n.removesuffix(".npy"): c for n, c in members.items() if n != "about.npy"}
    digest = hashlib.sha256(json.dumps(text, sort_keys=True).encode())
    for name in sorted(rest):
        digest.update(f"\n{name} {len(rest[name])}\n".encode() + rest[name])
    text["checksum"] = digest.hexdigest()
    members["about.npy"] = npy(np.frombuffer(json.dumps(text).encode(), np.uint8))


def header(shape, dtype="<f8", data=b""):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (53 - len(text) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


FORGED_ARRAYS = {
    "huge": (header("(1000000000000,)"), "takes 8000000000000 bytes, and has 0"),
    "beyond": (header(f"(1{30 * '0'},)"), "bytes, and has 0"),
    "more": (header("(500000000,)", data=bytes(120)), "takes 4000000000 bytes, and has 120"),
    "less": (header("(3, 4)", data=bytes(120)), "takes 96 bytes, and has 120"),
    "negative": (header("(-3, -5)", data=bytes(120)), "holds float64 of shape"),
    "complex": (header("(3, 5)", "<c16", bytes(240)), "holds complex128 of shape"),
    "text": (header("(3, 5)", "<U4", bytes(240)), "arrays of real numbers"),
    "objects": (header("(3, 5)", "|O", bytes(120)), "arrays of real numbers"),
    "empty": (b"", "no header"),
    "deep": (header("(" * 9000), "no header"),
    "long": (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "no header"),
    "code": (header("__import__('os').abort()"), "no header"),
}


@pytest.mark.parametrize("case", FORGED_ARRAYS)
def test_a_forged_array_is_refused_before_it_is_made(saved, case):
    content, reason = FORGED_ARRAYS[case]

    def forge(members):
        members["layers.0.weight.npy"] = content
        with_right_checksum(members)

    rewritten(saved, forge)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"is refused: layers.0.weight") as refused:
            nn.load(network(7), saved)
        assert reason in str(refused.value)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


FORGED_TREES = {
    "list": ([], "it holds a list"),
    "number": (3, "it holds a int"),
    "nothing": (None, "it holds a NoneType"),
    "array": ({"__array__": "layers.0.weight"}, "it holds a ndarray"),
    "unknown array": ({"x": {"__array__": "nothing"}}, "cannot be followed"),
    "no name": ({"x": {"__array__": ["q"]}}, "cannot be followed"),
    "text": ({"layers.0.weight": "hello"}, "layers.0.weight is a str, not an array"),
    "lists": ({"layers.0.bias": [1, 2]}, "layers.0.bias is a list, not an array"),
    "dicts": ({"layers.0.bias": {}}, "layers.0.bias is a dict, not an array"),
    "deep": ({"x": json.loads("[" * 940 + "]" * 940)}, "cannot be followed"),
}


@pytest.mark.parametrize("case", FORGED_TREES)
def test_a_forged_tree_of_names_is_refused(saved, case):
    tree, reason = FORGED_TREES[case]
    rewritten(saved, lambda members: with_right_checksum(members, tree=tree))
    with pytest.raises(ValueError, match="is refused: ") as refused:
        nn.load(network(7), saved)
    assert reason in str(refused.value)


@pytest.mark.parametrize("version", [0, -1, 2, 10**30, None, "1", 1.5])
def test_an_unknown_version_is_refused(saved, version):
    rewritten(saved, lambda members: with_right_checksum(members, version=version))
    with pytest.raises(ValueError, match="this autograd_mini reads up to 1"):
        nn.load(network(7), saved)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[1, 2]", b"3", b'{"version": ' + b"9" * 5000])
def test_what_a_file_says_about_itself_may_be_anything(saved, text):
    content = npy(np.frombuffer(text, np.uint8))
    rewritten(saved, lambda members: members.update({"about.npy": content}))
    with pytest.raises(ValueError, match="is refused: what it says about itself"):
        nn.load(network(7), saved)


def test_a_forged_archive_does_not_take_more_memory_than_the_file(saved):
    whole = saved.read_bytes()
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(50_000_000))
    assert saved.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"is refused: more.npy is compressed"):
        nn.load(network(7), saved)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()

    saved.write_bytes(whole)
    with zipfile.ZipFile(saved, "a") as archive:  # many names for the same bytes
        archive.writestr("more.npy", bytes(100_000))
        for index in range(50):
            entry = copy.copy(archive.getinfo("more.npy"))
            entry.filename = f"again{index}.npy"
            archive.filelist.append(entry)
    with pytest.raises(ValueError, match="is refused: its arrays have more bytes than the file"):
        nn.load(network(7), saved)

    saved.write_bytes(whole)
    with zipfile.ZipFile(saved, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("layers.0.bias.npy", npy(np.ones(5)))
    with pytest.raises(ValueError, match=r"is refused: it holds layers.0.bias more than once"):
        nn.load(network(7), saved)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    (tmp_path / f"folder{suffix}").mkdir()
    os.mkfifo(tmp_path / f"pipe{suffix}")
    for name in ("folder", "pipe"):
        with pytest.raises(ValueError, match="is refused: it is a folder, a pipe or a device"):
            nn.load(network(), tmp_path / f"{name}{suffix}")


def damaged(rng, content):
    """The bytes with one thing changed that goes wrong on disks, in transfers, or on purpose."""
    n = len(content)
    i, j = sorted(rng.integers(0, n, 2).tolist())
    kind = rng.integers(7)
    if kind == 0:
        return content[:i] + bytes([content[i] ^ 1 << int(rng.integers(8))]) + content[i + 1 :]
    if kind == 1:
        return content[:i]
    if kind == 2:
        return content[:i] + content[j:]
    if kind == 3:
        return content[:j] + content[i:j] + content[j:]
    if kind == 4:
        return content + rng.bytes(20)
    if kind == 5:
        return content[:i] + rng.bytes(8) + content[i + 8 :]
    number = int(rng.choice([0, 1, 2**31, 2**32 - 1])).to_bytes(4, "little")
    return content[:i] + number + content[i + 4 :]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_damaged_file_is_refused_or_means_the_same(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    rng, path = np.random.default_rng(0), tmp_path / f"model{suffix}"
    nn.save(network(), path)
    whole = path.read_bytes()
    refused = 0
    for _ in range(250):
        content = damaged(rng, whole)
        path.write_bytes(damaged(rng, content) if content and rng.random() < 0.3 else content)
        model = network(7)
        try:
            nn.load(model, path)
        except ValueError as error:
            assert "is refused: " in str(error)  # noqa: PT017
            assert same(model, network(7))
            refused += 1
        else:
            assert same(model, network())
    assert refused > 180


def test_changed_numbers_in_safetensors_are_noticed_where_we_wrote_them(tmp_path):
    files = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    nn.save(network(), path)
    whole = path.read_bytes()
    for place in range(len(whole) - 27 * 8, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"is refused: .*checksum differs"):
            nn.load(network(7), path)
    for old, new in ((b"autograd_mini", b"autograd_mine"), (b"sha256 ", b"sha257 ")):
        assert old in whole
        path.write_bytes((whole[:-1] + b"\x00").replace(old, new, 1))
        with pytest.raises(ValueError, match=r"is refused: .*checksum differs"):
            nn.load(network(7), path)
    path.write_bytes(whole)
    files.save_file(files.load_file(path), path)  # others write no checksum
    nn.load(network(7), path)
    files.save_file(files.load_file(path) | {"layers.0.bias": np.zeros(5, np.complex64)}, path)
    with pytest.raises(
        ValueError, match=r"is refused: layers.0.bias holds real numbers, not complex64"
    ):
        nn.load(network(7), path)


def test_a_state_of_another_kind_of_numbers_is_refused():
    model = network()
    state = model.state()
    for wrong in (np.ones(5) * 1j, np.array(list("12345")), np.array([1, None, 2, 3, 4])):
        with pytest.raises(ValueError, match=r"layers.0.bias holds real numbers, not"):
            model.load_state(state | {"layers.0.bias": wrong})
    model.load_state(state | {"layers.0.bias": [1, 2, 3, 4, 5]})
    assert model.layers[0].bias.data.tolist() == [1, 2, 3, 4, 5]


FORGED_CHECKPOINTS = {
    **{f"no {name}": lambda t, n=name: t.pop(n) for name in ("held_out", "model", "place", "seen")},
    "rows": lambda t: t.update(held_out={"__array__": "model/layers.0.weight"}),
    "far": lambda t: t["place"].update(position=99),
    "epoch": lambda t: t["place"].update(epoch="2"),
    "history": lambda t: t["history"].update(plot=3),
    "steps": lambda t: t["history"].update(steps="many"),
    "generators": lambda t: t.update(generators=[{"state": 3}]),
    "no generators": lambda t: t.update(generators=[]),
    "callbacks": lambda t: t.update(callbacks=[{}, {}]),
    "early": lambda t: t.update(callbacks=[{"best": 1}]),
    "optimiser": lambda t: t.update(optimiser={}),
    "pairs": lambda t: t.update(seen=[1, 2]),
    "weights": lambda t: t["model"].popitem(),
}


@pytest.mark.parametrize("case", FORGED_CHECKPOINTS)
def test_a_forged_checkpoint_is_refused_before_a_weight_has_changed(tmp_path, case):
    path = tmp_path / "run.npz"
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    options = {"checkpoint": path, "patience": 5, "validation_split": 0.2, "progress": False}
    nn.fit(network(), X, y, epochs=1, **options)

    def forge(members):
        tree = about_of(members)["tree"]
        FORGED_CHECKPOINTS[case](tree)
        with_right_checksum(members, tree=tree)

    rewritten(path, forge)
    model = network(7)
    with pytest.raises(ValueError, match=r"run.npz is refused: "):
        nn.fit(model, X, y, epochs=2, resume=True, **options)
    assert same(model, network(7))


def test_a_model_of_another_make_is_refused_by_name(saved):
    with pytest.raises(ValueError, match=r"layers.0.weight has shape \(3, 4\).*gives \(3, 5\)"):
        nn.load(network(sizes=(3, 4, 2)), saved)
    with pytest.raises(ValueError, match=r"lacks layers.2.weight"):
        nn.load(network(sizes=(3, 5, 5, 2)), saved)
    with pytest.raises(FileNotFoundError):
        nn.load(network(), saved.with_name("nothing.npz"))
    with pytest.raises(ValueError, match=r"ends in .npz or .safetensors"):
        nn.save(network(), saved.with_suffix(".pkl"))


def test_a_failing_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        nn.save(network(3), saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["model.npz"]


def test_safetensors_go_to_pytorch_and_back(tmp_path):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
    ).double()
    model = nn.Sequential(nn.Dense(3, 5, "tanh", rng=0), nn.Dense(5, 2, rng=1))
    x = np.random.default_rng(0).normal(size=(4, 3))

    files.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    nn.load(model, tmp_path / "theirs.safetensors", names=theirs.state_dict())
    assert np.allclose(model(x).data, theirs(torch.tensor(x)).detach(), rtol=1e-13, atol=1e-15)

    model.layers[0].weight.data *= 2
    nn.save(model, tmp_path / "ours.safetensors", names=theirs.state_dict())
    theirs.load_state_dict(files.load_file(tmp_path / "ours.safetensors"))
    assert np.allclose(model(x).data, theirs(torch.tensor(x)).detach(), rtol=1e-13, atol=1e-15)

    with pytest.raises(ValueError, match=r"lacks layers.0.weight.*names= says"):
        nn.load(model, tmp_path / "ours.safetensors")
    with pytest.raises(ValueError, match="names= needs 4 different names"):
        nn.save(model, tmp_path / "ours.safetensors", names=["a"])
    whole = (tmp_path / "ours.safetensors").read_bytes()
    (tmp_path / "ours.safetensors").write_bytes(whole[:-9])
    with pytest.raises(ValueError, match=r"no whole .safetensors file"):
        nn.load(model, tmp_path / "ours.safetensors", names=theirs.state_dict())


def test_recurrent_and_normalised_layers_go_to_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    x = np.random.default_rng(0).normal(size=(4, 6, 3))
    pairs = [
        (nn.LSTM(3, 5, rng=0), torch.nn.LSTM(3, 5, batch_first=True).double()),
        (nn.GRU(3, 5, rng=0), torch.nn.GRU(3, 5, batch_first=True).double()),
        (nn.LayerNorm(3), torch.nn.LayerNorm(3).double()),
    ]
    for ours, theirs in pairs:
        path = tmp_path / f"{type(ours).__name__}.safetensors"
        order = list(_in_our_order(ours, theirs))
        nn.save(ours, path, names=order)
        theirs.load_state_dict(files.load_file(path))
        found = theirs(torch.tensor(x))
        found = found[0] if isinstance(found, tuple) else found
        assert np.allclose(ours(x).data, found.detach(), rtol=1e-12, atol=1e-14)


def _in_our_order(ours, theirs):
    """Their names in the order of ours."""
    kinds = {"recurrent_weight": "weight_hh", "recurrent_bias": "bias_hh"}
    kinds |= {"weight": "weight_ih", "bias": "bias_ih"}
    for name in ours.state():
        own = name.rpartition(".")[2]
        yield next(n for n in theirs.state_dict() if n == own or n.startswith(kinds[own]))


def test_a_normalised_layer_in_the_middle_goes_by_the_names_of_pytorch(tmp_path):
    pytest.importorskip("safetensors")
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.safetensors"
    ours = nn.Sequential(nn.Dense(4, 3, rng=0), nn.BatchNorm(3), nn.Dense(3, 3, rng=1))
    ours(np.random.default_rng(0).normal(size=(8, 4)))
    linear = torch.nn.Linear
    theirs = torch.nn.Sequential(linear(4, 3), torch.nn.BatchNorm1d(3), linear(3, 3)).double()
    nn.save(ours, path, names=theirs.state_dict())
    from safetensors.torch import load_file

    theirs.load_state_dict(load_file(path))
    x = np.random.default_rng(1).normal(size=(5, 4))
    wanted = theirs.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(x).data, wanted, rtol=1e-12)
    again = nn.Sequential(nn.Dense(4, 3), nn.BatchNorm(3), nn.Dense(3, 3))
    nn.load(again, path, names=theirs.state_dict())
    np.testing.assert_array_equal(again.eval()(x).data, ours(x).data)


def test_without_safetensors_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        nn.save(network(), tmp_path / "x.safetensors")


def test_the_summary_counts_what_there_is():
    text = nn.summary(MODELS["normalised"](0))
    assert "29" in text.splitlines()[-3]  # 3·4 + 4, 4 + 4, 4 + 1
    assert "BatchNorm" in text
    assert "buffers, which are not trained" in text
    assert nn.summary(MODELS["values"](0)).splitlines()[1].split()[-1] == "6"
    assert "(2, 2)" in nn.summary(MODELS["values"](0))
    assert "LSTMCell" in nn.summary(MODELS["recurrent"](0))
