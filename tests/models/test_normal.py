"""The fused batch normalization against Keras' own: outputs, gradients, moving statistics; and where it steps aside."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfd_lib.models.normal import BatchNormalization, fuse
from dfd_lib.models.registry import build

OPTIONS = [{}, {"scale": False}, {"center": False}, {"momentum": 0.5, "epsilon": 0.1}]


def trained_once(layer: keras.Layer, pixels: np.ndarray, **call) -> list[np.ndarray]:
    """Two steps: what comes out, what flows back, and what is kept."""
    outcome = []
    for step in (1, 2):
        inputs = tf.constant(pixels * step)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True, **call)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 3)
        gradients = tape.gradient(loss, [inputs, *(one.value for one in layer.trainable_variables)])
        outcome += [np.asarray(tf.cast(one, tf.float32)) for one in (outputs, *gradients)]
    return [*outcome, *(np.asarray(one) for one in layer.non_trainable_variables)]


def pair(**options) -> tuple[keras.Layer, keras.Layer]:
    return keras.layers.BatchNormalization(**options), BatchNormalization(**options)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_within_a_network_it_learns_as_keras_does(dtype):
    def learnt(norm):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((12, 12, 3))
        x = keras.layers.Conv2D(8, 3, dtype=dtype)(inputs)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("relu", dtype=dtype)(norm(dtype=dtype)(x)))
        model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", dtype="float32")(x))
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
        random = np.random.default_rng(1)
        pixels, labels = random.normal(size=(64, 12, 12, 3)).astype(np.float32), np.arange(64) % 2
        pixels[labels == 1] *= 1.5
        losses = model.fit(pixels, labels, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
        return losses, model.predict(pixels, verbose=0)

    (wanted, scores), (got, others) = (learnt(kind) for kind in (keras.layers.BatchNormalization, BatchNormalization))
    assert wanted[-1] < wanted[0]
    np.testing.assert_allclose(got, wanted, rtol=1e-4 if dtype == "float32" else 0.02)
    np.testing.assert_allclose(others, scores, atol=1e-4 if dtype == "float32" else 0.02)


@pytest.mark.parametrize("options", OPTIONS)
def test_it_trains_as_keras_does(options):
    pixels = np.random.default_rng(1).normal(3, 2, (4, 5, 6, 3)).astype(np.float32)
    for theirs, ours in zip(*(trained_once(layer, pixels) for layer in pair(**options)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-3)


def test_one_pixel_alone_has_no_variance():
    pixels = np.ones((1, 1, 1, 3), np.float32)
    for theirs, ours in zip(*(trained_once(layer, pixels) for layer in pair()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_half_precision_keeps_its_statistics_whole():
    pixels = tf.cast(np.random.default_rng(1).normal(3, 2, (8, 9, 9, 3)), tf.bfloat16)
    theirs, ours = pair(dtype="mixed_bfloat16")
    wanted, got = theirs(pixels, training=True), ours(pixels, training=True)
    assert got.dtype == wanted.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(got, tf.float32), tf.cast(wanted, tf.float32), atol=0.05)
    for kept, other in zip(ours.non_trainable_variables, theirs.non_trainable_variables, strict=True):
        assert kept.dtype == "float32"
        np.testing.assert_allclose(kept, other, rtol=1e-4)


def no_kernel(*_, **__):
    raise AssertionError("the kernel was called")


def test_it_steps_aside_for_masks_vectors_frozen_layers_and_use(monkeypatch):
    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", no_kernel)
    random = np.random.default_rng(1)
    images, vectors = (random.normal(size=shape).astype(np.float32) for shape in ((4, 5, 6, 3), (4, 3)))
    mask = np.ones((4, 5, 6), bool)
    mask[0] = False
    for pixels, call in ((images, {"training": True, "mask": mask}), (vectors, {"training": True}), (images, {"training": False})):
        theirs, ours = pair()
        np.testing.assert_array_equal(ours(pixels, **call), theirs(pixels, **call))
    frozen = BatchNormalization(trainable=False)
    np.testing.assert_allclose(frozen(images, training=True), images, rtol=1e-2)
    with pytest.raises(AssertionError, match="kernel"):
        BatchNormalization()(images, training=True)


def kinds(model: keras.Model) -> set[type]:
    return {kind for layer in model.layers for kind in (kinds(layer) if hasattr(layer, "layers") else {type(layer)})}


@pytest.mark.parametrize("name", ["meso4", "mobilenet_v2", "resnext_lstm_small"])
def test_networks_have_it_and_bases_too(name):
    assert {one.__module__ for one in kinds(build(name)) if issubclass(one, keras.layers.BatchNormalization)} == {"dfd_lib.models.normal"}


def test_weight_files_call_it_as_before(tmp_path):
    make = lambda: keras.Sequential([keras.Input((4, 4, 3)), keras.layers.BatchNormalization(), keras.layers.BatchNormalization()])  # noqa: E731
    before, after = make(), fuse(make())
    before.layers[1].gamma.assign([1, 2, 3])
    before.save_weights(tmp_path / "before.weights.h5")
    after.load_weights(tmp_path / "before.weights.h5")
    np.testing.assert_array_equal(after.layers[1].gamma, [1, 2, 3])
    after.save(tmp_path / "after.keras")
    again = keras.saving.load_model(tmp_path / "after.keras")
    assert type(again.layers[1]) is BatchNormalization
    np.testing.assert_array_equal(again.layers[1].gamma, [1, 2, 3])
