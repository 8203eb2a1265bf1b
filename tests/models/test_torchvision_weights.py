"""Weights in torchvision's layout, from every kind of file they come in; no file may run anything."""

import collections
import io
import json
import pickle
import sys
import types
import zipfile

import keras  # noqa: F401  before a torch of ours stands where Keras looks for the real one
import numpy as np
import pytest

from dfd_lib.models.features import features
from dfd_lib.models.registry import build
from dfd_lib.models.torch_files import read_arrays
from dfd_lib.models.torchvision_weights import IMAGENET
from dfd_lib.models.weights import load_weights

TINY = {"image_size": 32, "stages": (1, 1), "cardinality": 2, "group_width": 2, "width": 0.0625}


def state_dict(seed=1) -> dict[str, np.ndarray]:
    """As torchvision names and shapes them: a stem of 4, two bottlenecks in 2 groups to 16 and 32 channels, 10 classes."""
    rng, shapes = np.random.default_rng(seed), {"conv1.weight": (4, 3, 7, 7), **norm("bn1", 4)}
    for stage, (before, inner, outer) in enumerate([(4, 4, 16), (16, 8, 32)], start=1):
        name = f"layer{stage}.0"
        shapes |= {f"{name}.conv1.weight": (inner, before, 1, 1), **norm(f"{name}.bn1", inner)}
        shapes |= {f"{name}.conv2.weight": (inner, inner // 2, 3, 3), **norm(f"{name}.bn2", inner)}
        shapes |= {f"{name}.conv3.weight": (outer, inner, 1, 1), **norm(f"{name}.bn3", outer)}
        shapes |= {f"{name}.downsample.0.weight": (outer, before, 1, 1), **norm(f"{name}.downsample.1", outer)}
    shapes |= {"fc.weight": (10, 32), "fc.bias": (10,)}
    return {
        name: np.array(7) if name.endswith("tracked") else rng.uniform(0.1, 1, shape).astype(np.float32) for name, shape in shapes.items()
    }


def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    each = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{name}.{key}": shape for key, shape in {**each, "num_batches_tracked": ()}.items()}


class Written:
    """A tensor as `torch.save` pickles it: a call of torch's own function on a storage that lies elsewhere."""

    def __init__(self, key, array):
        self.key, self.array = key, array


@pytest.fixture
def write_torch(monkeypatch):
    """`write_torch(path, arrays, old=False)`: what `torch.save` writes, without it."""
    torch, within = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2():
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    within._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch.FloatStorage, torch.LongStorage = (type(name, (), {"__module__": "torch"}) for name in ("FloatStorage", "LongStorage"))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", within)

    class Pickler(pickle.Pickler):
        def __init__(self, file, old):
            super().__init__(file, protocol=2)
            self.old = old

        def persistent_id(self, one):
            if not isinstance(one, tuple) or one[:1] != ("a storage",):
                return None
            _, key, array = one
            kind = torch.FloatStorage if array.dtype == np.float32 else torch.LongStorage
            return ("storage", kind, key, "cpu", array.size, *([None] if self.old else []))

        def reducer_override(self, one):
            if not isinstance(one, Written):
                return NotImplemented
            strides = tuple(step // one.array.itemsize for step in one.array.strides)
            rest = (False, collections.OrderedDict())
            return _rebuild_tensor_v2, (("a storage", one.key, one.array), 0, one.array.shape, strides, *rest)

    def write(path, arrays, old=False):
        state = collections.OrderedDict((name, Written(str(place), array)) for place, (name, array) in enumerate(arrays.items()))
        pickled = io.BytesIO()
        Pickler(pickled, old).dump(state)
        if old:
            head = b"".join(pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
            keys = sorted(one.key for one in state.values())
            stored = {one.key: one.array for one in state.values()}
            body = b"".join(stored[key].size.to_bytes(8, "little") + stored[key].tobytes() for key in keys)
            path.write_bytes(head + pickled.getvalue() + pickle.dumps(keys, 2) + body)
            return
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickled.getvalue())
            for one in state.values():
                archive.writestr(f"archive/data/{one.key}", one.array.tobytes())

    return write


def write_safetensors(path, arrays):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize("kind", ["old.pth", "new.pth", "x.safetensors", "x.npz"])
def test_every_kind_of_file_gives_the_same_arrays(kind, write_torch, tmp_path):
    arrays = {"a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "a.count": np.array(5), "b": np.ones(3, np.float32)}
    path = tmp_path / kind
    if kind.endswith("pth"):
        write_torch(path, arrays, old=kind.startswith("old"))
    elif kind.endswith("npz"):
        np.savez(path, **arrays)
    else:
        write_safetensors(path, arrays)
    found = read_arrays(path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_tensor_that_was_transposed_when_it_was_saved_is_read_as_it_was(write_torch, tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T  # strides (1, 3) over a storage in its own order
    write_torch(tmp_path / "x.pth", {"a": array})
    with zipfile.ZipFile(tmp_path / "x.pth") as archive:
        pickled = archive.read("archive/data.pkl")
    with zipfile.ZipFile(tmp_path / "y.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", array.T.tobytes())
    np.testing.assert_array_equal(read_arrays(tmp_path / "y.pth")["a"], array)


class Harm:
    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize("old", [True, False])
def test_a_pickle_that_asks_for_anything_else_is_refused_unread(old, tmp_path, capsys):
    pickled = pickle.dumps({"a": Harm()}, 2)
    path = tmp_path / "x.pth"
    if old:
        path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + pickled)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
    with pytest.raises(ValueError, match=r"weights x\.pth: .*asks for \w+\.print, which no array needs"):
        read_arrays(path)
    assert capsys.readouterr().out == ""


def test_half_a_file_and_other_files_are_refused_by_name(write_torch, tmp_path):
    write_torch(tmp_path / "whole.pth", state_dict(), old=True)
    data = (tmp_path / "whole.pth").read_bytes()
    broken = {"half.pth": data[: len(data) // 2], "text.pth": b"hello", "empty.pt": b"", "x.npz": b"zip", "x.safetensors": data}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"weights {name}: expected named arrays"):
            read_arrays(tmp_path / name)
    write_torch(tmp_path / "short.pth", {"a": np.ones(8, np.float32)})
    with zipfile.ZipFile(tmp_path / "short.pth") as archive:
        pickled = archive.read("archive/data.pkl")
    with zipfile.ZipFile(tmp_path / "beyond.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickled.replace(b"K\x08\x85", b"K\x09\x85"))  # a shape that its storage cannot fill
        archive.writestr("archive/data/0", np.ones(8, np.float32).tobytes())
    with pytest.raises(ValueError, match="reaches beyond its storage"):
        read_arrays(tmp_path / "beyond.pth")


# an independent ResNeXt, straight from the paper and torchvision's source, in NumPy and channels first


def convolve(x, kernel, stride=1, pad=0, groups=1):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    out, _, side, _ = kernel.shape
    rows, columns = ((length - side) // stride + 1 for length in x.shape[1:])
    answer = np.zeros((out, rows, columns))
    for channel in range(out):
        part = channel // (out // groups) * kernel.shape[1]
        for i in range(rows):
            for j in range(columns):
                seen = x[part : part + kernel.shape[1], i * stride : i * stride + side, j * stride : j * stride + side]
                answer[channel, i, j] = (seen * kernel[channel]).sum()
    return answer


def trunk_in_numpy(state, pixels):
    def normalized(x, name):
        scale = state[f"{name}.weight"] / np.sqrt(state[f"{name}.running_var"] + 1e-5)
        return x * scale[:, None, None] + (state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale)[:, None, None]

    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((pixels / 255 - mean) / std).transpose(2, 0, 1)
    x = np.maximum(normalized(convolve(x, state["conv1.weight"], 2, 3), "bn1"), 0)
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.array([[[one[i : i + 3, j : j + 3].max() for j in range(0, 15, 2)] for i in range(0, 15, 2)] for one in x])
    for stage, stride in ((1, 1), (2, 2)):
        name = f"layer{stage}.0"
        y = np.maximum(normalized(convolve(x, state[f"{name}.conv1.weight"]), f"{name}.bn1"), 0)
        y = np.maximum(normalized(convolve(y, state[f"{name}.conv2.weight"], stride, 1, groups=2), f"{name}.bn2"), 0)
        y = normalized(convolve(y, state[f"{name}.conv3.weight"]), f"{name}.bn3")
        x = np.maximum(y + normalized(convolve(x, state[f"{name}.downsample.0.weight"], stride), f"{name}.downsample.1"), 0)
    return x.mean((1, 2))


def test_the_weights_mean_in_keras_what_they_mean_in_torchvision(write_torch, tmp_path):
    state = state_dict()
    write_torch(tmp_path / "x.pth", state)
    model = build("resnext50", **TINY)
    head = model.get_layer("logit").get_weights()
    load_weights(model, tmp_path / "x.pth")
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3))
    expected = trunk_in_numpy(state, pixels)
    np.testing.assert_allclose(features(model)(pixels[None].astype(np.float32))[0], expected, rtol=1e-4)
    for ours, before in zip(model.get_layer("logit").get_weights(), head, strict=True):
        np.testing.assert_array_equal(ours, before)


def test_a_clip_models_backbone_takes_them_too(write_torch, tmp_path):
    write_torch(tmp_path / "x.pth", state_dict())
    hyper = {key: value for key, value in TINY.items() if key != "image_size"}
    model = build("resnext_lstm", image_size=32, frames=2, units=4, backbone_hyper=hyper, weights=str(tmp_path / "x.pth"))
    frame = build("resnext50", **TINY, weights=str(tmp_path / "x.pth"))
    pixels = np.random.default_rng(2).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.get_layer("backbone")(pixels), features(frame)(pixels))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layer2.0.conv2.weight"), r"1 missing \(layer2\.0\.conv2\.weight\)"),
        (lambda state: state.update({"layer3.0.bn1.bias": np.ones(4)}), r"1 unknown \(layer3\.0\.bn1\.bias\)"),
        (lambda state: state.update({"conv1.weight": np.ones((4, 3, 3, 3))}), r"1 of another shape \(conv1\.weight \(4, 3, 7, 7\), came"),
    ],
)
def test_arrays_that_do_not_fit_are_named_and_change_nothing(change, said, tmp_path):
    state = state_dict()
    change(state)
    np.savez(tmp_path / "x.npz", **state)
    model = build("resnext50", **TINY)
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"x\.npz: expected the \d+ arrays of 'resnext50'; {said}"):
        load_weights(model, tmp_path / "x.npz")
    assert all(np.array_equal(ours, was) for ours, was in zip(model.get_weights(), before, strict=True))


def test_imagenet_comes_from_the_local_file_or_a_message_that_says_where_to_get_it(write_torch, tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"resnext50.*'imagenet'.*https://download\.pytorch\.org/models/.*DFD_WEIGHTS"):
        build("resnext50", **TINY, weights="imagenet")
    write_torch(tmp_path / IMAGENET, state_dict(), old=True)
    model = build("resnext50", **TINY, weights="imagenet")
    np.testing.assert_array_equal(model.get_layer("bn1").gamma, state_dict()["bn1.weight"])
    with pytest.raises(ValueError, match="expected a ResNeXt for a file in torchvision's layout, came 'lenet'"):
        build("lenet", image_size=32, weights=IMAGENET)
