"""Weights from files, and files that do not fit."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from dfd_lib.models.registry import build
from dfd_lib.models.weights import load_model, load_weights


def same(model, other) -> bool:
    return all(np.array_equal(ours.numpy(), theirs.numpy()) for ours, theirs in zip(model.weights, other.weights, strict=True))


@pytest.fixture(scope="module")
def trained():
    """A LeNet with dropout and an optimizer: a saved one holds more than its weights."""
    model = build("lenet", image_size=32, dense=8, dropout=0.5)
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.train_on_batch(np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]))
    return model


@pytest.mark.parametrize("file", ["x.weights.h5", "x.keras"])
def test_what_was_saved_is_loaded_by_name_or_into_a_model(file, trained, tmp_path):
    (trained.save if file.endswith(".keras") else trained.save_weights)(tmp_path / file)
    assert same(load_weights("lenet", tmp_path / file, image_size=32, dense=8, dropout=0.5), trained)
    model = build("lenet", image_size=32, dense=8, dropout=0.5)
    assert not same(model, trained)
    assert load_weights(model, tmp_path / file) is model
    assert same(model, trained)
    assert same(build("lenet", image_size=32, dense=8, dropout=0.5, weights=str(tmp_path / file)), trained)


def test_a_keras_file_opens_in_a_process_that_has_built_nothing(tmp_path):
    build("meso4", image_size=32).save(tmp_path / "meso4.keras")  # it has layers that Keras does not know
    code = f"from dfd_lib.models.weights import load_model; print(load_model({str(tmp_path / 'meso4.keras')!r}).name)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "meso4\n"


def test_a_keras_file_brings_its_own_size_and_hyper_parameters(trained, tmp_path):
    trained.save(tmp_path / "x.keras")
    model = load_weights("lenet", tmp_path / "x.keras")
    assert model.input_shape == (None, 32, 32, 3)
    assert same(model, trained)
    assert same(load_model(tmp_path / "x.keras"), trained)


def test_a_keras_file_of_another_model_is_refused(trained, tmp_path):
    trained.save(tmp_path / "x.keras")
    with pytest.raises(ValueError, match=r"x\.keras: expected the model 'meso4', found 'lenet'"):
        load_weights("meso4", tmp_path / "x.keras")


@pytest.mark.parametrize("file", ["x.weights.h5", "x.keras"])
@pytest.mark.parametrize(
    ("name", "options", "missing"),
    [
        ("lenet", {"image_size": 64, "dense": 8}, r"\(12800, 8\)"),
        ("minivggnet", {"image_size": 32}, r"\(4096, 512\)"),
        ("meso4", {}, r"\(1024, 16\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_both_shapes_and_change_nothing(file, name, options, missing, trained, tmp_path):
    (trained.save if file.endswith(".keras") else trained.save_weights)(tmp_path / file)
    model = build(name, **options)
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(
        ValueError, match=rf"{file}: expected those of '{name}'.*only in the model: .*{missing}.*only in the file: \(3200, 8\)"
    ):
        load_weights(model, tmp_path / file)
    for weight, was in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), was)


def test_a_whole_transfer_model_and_its_base_alone_both_load(tmp_path):
    model = build("vgg16", image_size=32)
    model.save_weights(tmp_path / "whole.weights.h5")
    model.get_layer("base").save_weights(tmp_path / "base.weights.h5")
    again = build("vgg16", image_size=32)
    fresh = again.get_layer("logit").kernel.numpy()
    load_weights(again, tmp_path / "base.weights.h5")
    assert same(again.get_layer("base"), model.get_layer("base"))
    np.testing.assert_array_equal(again.get_layer("logit").kernel.numpy(), fresh)
    assert same(load_weights(again, tmp_path / "whole.weights.h5"), model)


def test_a_base_in_the_old_layout_loads_but_a_whole_model_does_not(trained, tmp_path):
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.save(tmp_path / "notop.h5")  # the layout in which keras.applications publishes
    model = build("vgg16", image_size=32, weights=str(tmp_path / "notop.h5"))
    assert same(model.get_layer("base"), base)
    trained.save(tmp_path / "old.h5")
    with pytest.raises(ValueError, match=r"old\.h5: .*'lenet'"):  # nobody knows which way its output goes
        load_weights("lenet", tmp_path / "old.h5", image_size=32, dense=8)


def test_half_a_file_and_no_model_at_all_are_refused(trained, tmp_path):
    for file, save in (("x.weights.h5", trained.save_weights), ("x.keras", trained.save)):
        save(tmp_path / file)
        whole = (tmp_path / file).read_bytes()
        for name, content in ((f"half.{file}", whole[: len(whole) // 2]), (f"text.{file}", b"not a model"), (f"empty.{file}", b"")):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=rf"{name}: expected .*half a file"):
                load_weights("lenet", tmp_path / name)


def test_a_missing_file_an_unknown_model_and_a_name_that_hides_the_layout(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_weights("lenet", tmp_path / "nowhere.weights.h5")
    with pytest.raises(ValueError, match="did you mean 'lenet'"):
        (tmp_path / "any.keras").touch()
        load_weights("lenett", tmp_path / "any.keras")
    trained.save_weights(tmp_path / "x.weights.h5")
    (tmp_path / "x.weights.h5").rename(tmp_path / "x.h5")
    with pytest.raises(ValueError, match=r"x\.h5: expected a name ending in \.weights\.h5"):
        load_weights("lenet", tmp_path / "x.h5")


def test_hyper_parameters_go_with_a_name_only(trained, tmp_path):
    trained.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match="came a built model"):
        load_weights(trained, tmp_path / "x.weights.h5", dense=8)
