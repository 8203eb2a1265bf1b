"""The grouped convolution against Keras' own."""

import keras
import numpy as np
import pytest

from dfd_lib.models.grouped import GroupedConv2D


@pytest.mark.parametrize(("groups", "strides", "padding"), [(1, 1, "valid"), (3, 2, "valid"), (6, 1, "same"), (6, 2, "same")])
def test_it_computes_what_keras_own_does_forwards_and_backwards(groups, strides, padding):
    import tensorflow as tf

    pixels = np.random.default_rng(groups).normal(size=(2, 9, 8, 6)).astype(np.float32)
    theirs = keras.layers.Conv2D(12, 3, strides, padding, groups=groups, use_bias=False)
    ours = GroupedConv2D(12, 3, groups, strides, padding)
    gradients, answers = [], []
    for layer in (theirs, ours):
        layer.build(pixels.shape)
        layer.kernel.assign(theirs.kernel)
        with tf.GradientTape() as tape:
            answer = layer(pixels)
            loss = tf.reduce_sum(answer**3)
        answers.append(answer)
        gradients.append(tape.gradient(loss, layer.kernel.value))
    np.testing.assert_allclose(*answers, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-3)
    assert ours.compute_output_shape((None, 9, 8, 6)) == (None, *answers[0].shape[1:])
    assert ours.compute_output_shape((None, None, 8, 6))[1] is None


def test_saved_and_loaded_it_is_the_same(tmp_path):
    inputs = keras.Input((5, 5, 4))
    model = keras.Model(inputs, GroupedConv2D(8, 3, 2, 2, "same", "glorot_uniform", name="own")(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("own").get_config() == model.get_layer("own").get_config()
    pixels = np.ones((1, 5, 5, 4), np.float32)
    np.testing.assert_array_equal(again(pixels), model(pixels))


def test_groups_must_divide_channels_and_filters():
    with pytest.raises(ValueError, match="filters: expected a multiple of the 4 groups, came 6"):
        GroupedConv2D(6, 3, 4)
    with pytest.raises(ValueError, match="own: expected channels that 4 groups can share, came 6"):
        GroupedConv2D(8, 3, 4, name="own").build((None, 5, 5, 6))
