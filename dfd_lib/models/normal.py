"""Batch normalization that trains faster: Keras' layer, with TensorFlow's fused kernel."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    import tensorflow as tf

FUSED = ("float32", "bfloat16")
"""What the kernel is given, as float32: its own bfloat16 is four times slower than Keras' layer where channels are few (Meso-4)."""


@keras.saving.register_keras_serializable(package="dfd_lib")
class BatchNormalization(layers.BatchNormalization):
    """Keras' layer, which takes mean, variance, difference and product one after the other, each through the whole memory of the images.

    In training that is about half of MobileNetV2's time on a processor. The
    kernel does the same in two passes. In use, and for whatever it cannot do
    (a mask, other than images, synchronized replicas), this is Keras' layer.

    Has the name of Keras' own, by which weight files call it.
    """

    def call(self, inputs: "tf.Tensor", training: bool | None = None, mask: "tf.Tensor | None" = None) -> "tf.Tensor":
        """(batch, height, width, channels) or any other shape -> the same, normalized."""
        plain = mask is not None or len(inputs.shape) != 4 or self.axis not in (-1, 3) or self.synchronized or self.renorm
        if plain or not training or not self.trainable or keras.backend.standardize_dtype(inputs.dtype) not in FUSED:
            return super().call(inputs, training=training, mask=mask)
        return self._fused(inputs)

    def _fused(self, inputs: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        channels = inputs.shape[-1]
        gamma = tf.cast(self.gamma, tf.float32) if self.scale else tf.ones(channels)
        beta = tf.cast(self.beta, tf.float32) if self.center else tf.zeros(channels)
        none = tf.zeros(0)  # of the moving statistics: they are ours to keep
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.cast(inputs, tf.float32), scale=gamma, offset=beta, mean=none, variance=none, epsilon=self.epsilon, is_training=True
        )
        # the kernel's variance is the unbiased one, Keras keeps the biased
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        for kept, seen in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count)):
            kept.assign(kept * self.momentum + seen * (1 - self.momentum))
        return tf.cast(outputs, inputs.dtype)


def fuse(model: "keras.Model") -> "keras.Model":
    """Let all of a model's batch normalizations be this module's, those of bases within it too; returns the model."""
    for layer in _within(model):
        if type(layer) is layers.BatchNormalization:
            # it has the very same state; a clone would draw and copy all weights, which takes seconds for a large base
            layer.__class__ = BatchNormalization
    return model


def normalizations(model: "keras.Model") -> list[layers.BatchNormalization]:
    """A model's batch normalizations whose moving statistics change in training, those of bases within it too; not the frozen ones."""
    return [layer for layer in _within(model) if isinstance(layer, layers.BatchNormalization) and layer.trainable]


def moving_statistics(model: "keras.Model") -> list["keras.Variable"]:
    """Mean and variance of each of `normalizations`, one after the other, float32 (channels,)."""
    return [one for layer in normalizations(model) for one in (layer.moving_mean, layer.moving_variance)]


def _within(model: "keras.Model") -> "Iterator[keras.Layer]":
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _within(layer)
