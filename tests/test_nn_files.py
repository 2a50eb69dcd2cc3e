"""Saving and loading: nothing is lost, nothing wrong comes in, and no file is half written."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from autograd_mini import nn


def network(rng=0, sizes=(3, 5, 2)):
    return nn.MLP(list(sizes), hidden="tanh", rng=rng)


def same(one, other):
    a, b = one.state(), other.state()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


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
