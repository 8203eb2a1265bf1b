"""The MesoNet authors' layout, against a forward pass in NumPy that knows nothing of Keras."""

import re

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from dfd_lib.models.mesonet_weights import load_author_weights
from dfd_lib.models.registry import build
from dfd_lib.models.weights import load_weights

AUTHORS = {
    "Meso4_DF.h5": "meso4",
    "Meso4_F2F.h5": "meso4",
    "MesoInception_DF.h5": "mesoinception4",
    "MesoInception_F2F.h5": "mesoinception4",
}

# (kernel side, inputs, outputs) of the convolutions as the authors create them
MESO4 = [(3, 3, 8), (5, 8, 8), (5, 8, 16), (5, 16, 16)]
INCEPTION = [
    *[(1, 3, 1), (1, 3, 4), (3, 4, 4), (1, 3, 4), (3, 4, 4), (1, 3, 2), (3, 2, 2)],
    *[(1, 11, 2), (1, 11, 4), (3, 4, 4), (1, 11, 4), (3, 4, 4), (1, 11, 2), (3, 2, 2)],
    *[(5, 12, 16), (5, 16, 16)],
]


def read(path) -> dict[str, list]:
    """Arrays of each layer, by kind, in the order in which the layers were created."""
    with h5py.File(path) as file:
        layers = {name: [file[name][weight][()] for weight in file[name].attrs["weight_names"]] for name in file}
    kinds = {}
    for name in sorted(layers, key=lambda name: int((re.findall(r"_(\d+)$", name) or [0])[0])):
        kinds.setdefault(re.sub(r"_\d+$", "", name), []).append(layers[name])
    return kinds


def conv(x, layer, dilation=1):
    kernel, bias = (array.astype(np.float64) for array in layer)
    side = (kernel.shape[0] - 1) * dilation
    padded = np.pad(x, ((side // 2, side - side // 2), (side // 2, side - side // 2), (0, 0)))
    windows = sliding_window_view(padded, (side + 1, side + 1), axis=(0, 1))[..., ::dilation, ::dilation]
    return np.maximum(np.einsum("hwcij,ijco->hwo", windows, kernel, optimize=True) + bias, 0)


def normalize_and_pool(x, layer, pool):
    gamma, beta, mean, variance = layer
    x = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    height, width, channels = x.shape
    return x.reshape(height // pool, pool, width // pool, pool, channels).max(axis=(1, 3))


def inception(x, layers):
    one, *pairs = layers
    branches = [conv(conv(x, pairs[i]), pairs[i + 1], dilation) for i, dilation in ((0, 1), (2, 2), (4, 3))]
    return np.concatenate([conv(x, one), *branches], axis=-1)


def output_of_the_file(path, picture) -> float:
    """The authors' graph in NumPy: the file's own output for one picture (256, 256, 3) in 0..255."""
    kinds = read(path)
    convs, norms = kinds["conv2d"], kinds["batch_normalization"]
    x = picture / 255.0
    if len(convs) == 4:
        first = [lambda x: conv(x, convs[0]), lambda x: conv(x, convs[1])]
    else:
        first = [lambda x: inception(x, convs[:7]), lambda x: inception(x, convs[7:14])]
    steps = [*first, lambda x: conv(x, convs[-2]), lambda x: conv(x, convs[-1])]
    for step, norm, pool in zip(steps, norms, (2, 2, 2, 4), strict=True):
        x = normalize_and_pool(step(x), norm, pool)
    (kernel, bias), (last_kernel, last_bias) = kinds["dense"]
    x = x.reshape(-1) @ kernel + bias
    x = np.where(x > 0, x, 0.1 * x)
    return float(1 / (1 + np.exp(-(x @ last_kernel + last_bias)[0])))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """`made_up("meso4")`: a file in the authors' layout with random arrays; names count on from 9 to 10, as strings do not sort."""

    def write(name):
        rng = np.random.default_rng(1)
        kinds = {"conv2d": [], "batch_normalization": [], "dense": []}
        for side, inputs, outputs in MESO4 if name == "meso4" else INCEPTION:
            kinds["conv2d"].append(
                [rng.normal(0, (2 / (side * side * inputs)) ** 0.5, (side, side, inputs, outputs)), rng.normal(0, 0.1, outputs)]
            )
        for channels in (8, 8, 16, 16) if name == "meso4" else (11, 12, 16, 16):
            parts = [rng.uniform(0.5, 1.5, channels) for _ in range(4)]
            kinds["batch_normalization"].append([parts[0], parts[1] - 1, parts[2] - 1, parts[3]])
        kinds["dense"] = [[rng.normal(0, 0.03, (1024, 16)), np.zeros(16)], [rng.normal(0, 0.5, (16, 1)), np.array([0.3])]]
        path = tmp_path_factory.mktemp("layout") / f"{name}.h5"
        with h5py.File(path, "w") as file:
            names = [f"{kind}_{number}" for kind, layers in kinds.items() for number, _ in enumerate(layers, start=9)]
            file.attrs["layer_names"] = [one.encode() for one in ["input_1", *reversed(names)]]
            file.create_group("input_1").attrs["weight_names"] = []
            for kind, layers in kinds.items():
                for number, arrays in enumerate(layers, start=9):
                    group = file.create_group(f"{kind}_{number}")
                    for index, array in enumerate(arrays):
                        group[f"w{index}"] = array.astype(np.float32)
                    group.attrs["weight_names"] = [f"w{index}".encode() for index in range(len(arrays))]
        return path

    return write


def check(model, path, picture, positive):
    fake, theirs = float(model(picture[None])[0, 0]), output_of_the_file(path, picture)
    assert 1e-4 < theirs < 1 - 1e-4  # so that a flip would show
    assert fake == pytest.approx(1 - theirs if positive == "real" else theirs, abs=1e-4)


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
@pytest.mark.parametrize("positive", ["real", "fake"])
def test_a_file_in_the_layout_gives_what_its_graph_gives(name, positive, made_up, photos):
    path = made_up(name)
    check(load_weights(name, path, positive=positive), path, photos(256, count=1)[0], positive)


@pytest.mark.parametrize("file", AUTHORS)
def test_the_authors_files_are_known_and_turned(file, shared_weights):
    path = shared_weights(f"mesonet/{file}")
    picture = np.kron(np.random.default_rng(2).integers(60, 200, (16, 16, 3)), np.ones((16, 16, 1))).astype(
        np.uint8
    )  # coarse, as faces are
    check(load_weights(AUTHORS[file], path), path, picture, "real")


def test_an_unknown_file_must_say_which_way_it_goes(made_up):
    with pytest.raises(ValueError, match=r"meso4\.h5.*Meso4_DF\.h5.*positive='real'"):
        load_weights("meso4", made_up("meso4"))
    with pytest.raises(ValueError, match=r"'fake' or 'real', came 'yes'"):
        load_weights("meso4", made_up("meso4"), positive="yes")


def test_a_known_file_is_not_turned_against_its_direction(shared_weights):
    with pytest.raises(ValueError, match=r"Meso4_DF\.h5, whose output is P\(real\)"):
        load_weights("meso4", shared_weights("mesonet/Meso4_DF.h5"), positive="fake")


def test_a_known_file_for_the_other_model_names_it(shared_weights):
    with pytest.raises(ValueError, match=r"for 'meso4'.*Build 'mesoinception4'"):
        load_weights("meso4", shared_weights("mesonet/MesoInception_DF.h5"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"image_size": 128}, r"\(256, 16\), found \(1024, 16\)"), ({"width": 2.0}, r"\(3, 3, 3, 16\), found \(3, 3, 3, 8\)")],
)
def test_arrays_that_do_not_fit_are_refused_and_nothing_is_changed(options, expected, made_up):
    model = build("meso4", **options)
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(ValueError, match=rf"meso4\.h5.*expected {expected}"):
        load_weights(model, made_up("meso4"), positive="real")
    for weight, was in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), was)


def test_the_layout_fits_mesonet_only(made_up, tmp_path):
    with pytest.raises(ValueError, match="expected a model of meso4, mesoinception4, came 'lenet'"):
        load_author_weights(build("lenet", image_size=32, dense=8), made_up("meso4"), positive="real")
    model = build("meso4")
    model.save_weights(tmp_path / "ours.weights.h5")
    with pytest.raises(ValueError, match="old Keras layout"):
        load_author_weights(model, tmp_path / "ours.weights.h5", positive="real")
