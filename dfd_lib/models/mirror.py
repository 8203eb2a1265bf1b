"""Looking twice: in use, a network sees each face and its mirror image; in training only what it is shown.

Two layers around a base: one puts the mirror images behind the batch, the other
joins what the base makes of both. With one unit after it, the mean of the
features is the mean of the two logits.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="dfd_lib")
class WithMirrored(layers.Layer):
    """(batch, height, width, channels) -> (2 batch, ...), the mirror images last; in training the batch itself."""

    def call(self, inputs, training: bool | None = False):
        if training:
            return inputs
        places = list(range(inputs.shape[2]))[::-1]  # a gather, which ONNX has as one node
        return ops.concatenate([inputs, ops.take(inputs, places, axis=2)], axis=0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable(package="dfd_lib")
class MeanOfBoth(layers.Layer):
    """(2 batch, channels) -> (batch, channels), the mean of each face's and its mirror image's; in training what comes."""

    def call(self, inputs, training: bool | None = False):
        if training:
            return inputs
        return ops.mean(ops.reshape(inputs, (2, -1, inputs.shape[-1])), axis=0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (None, *input_shape[1:])
