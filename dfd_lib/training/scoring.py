"""Faster ways than Keras' own to score many crops with a finished network.

TensorFlow is quick with dense convolutions, more so where the weights are
constants, and slow with depthwise ones, of which MobileNetV2, Xception and
EfficientNet are made; on a machine without a GPU, ONNX Runtime is twice as fast
with those and slower with LeNet. Their scores differ by less than 1e-5.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dfd_lib.data.cache import cached_bytes
from dfd_lib.models.blocks import frames_of
from dfd_lib.process import workers
from dfd_lib.training.devices import accelerators
from dfd_lib.training.export import OPSET, export_onnx

if TYPE_CHECKING:
    import keras

WORTH = 500
"""Crops from which on it pays to write a network as ONNX, which takes seconds the first time."""

AT_ONCE = 8
"""Crops that ONNX Runtime takes at once: what MobileNetV2 makes of more does not fit a core's cache, which costs a fifth of the time."""

Step = Callable[[np.ndarray], np.ndarray]


def faster_step(model: "keras.Model", crops: int, threads: int | None = None) -> Step | None:
    """A function from a batch of uint8 pixels to P(fake), (batch, 1); None where TensorFlow's own is the faster.

    Args:
        model: a registered model with its final weights; one of clips is left to TensorFlow.
        crops: how many will be scored.
        threads: that work on a batch; default: all. 1 where several batches are scored at once.
    """
    wanted = crops >= WORTH and frames_of(model) is None and has_depthwise(model)
    return onnx_step(model, threads) if wanted and not accelerators() else None


def fastest_step(model: "keras.Model", crops: int, threads: int | None = None) -> Step:
    """`faster_step`, or TensorFlow with the weights as constants."""
    return faster_step(model, crops, threads) or frozen_step(model)


def frozen_step(model: "keras.Model") -> Step:
    """Score with TensorFlow, the weights being constants: it joins layers, and lays out the weights once instead of in every batch.

    Args:
        model: a registered model of single crops, with its final weights.
    """
    import tensorflow as tf

    weights = [[one.numpy() for one in group] for group in (model.trainable_variables, model.non_trainable_variables)]

    def score(images: "tf.Tensor") -> "tf.Tensor":
        return model.stateless_call(*weights, images, training=False)[0]

    step = tf.function(score, input_signature=[tf.TensorSpec(model.inputs[0].shape, tf.uint8)]).get_concrete_function()
    return lambda images: step(tf.convert_to_tensor(images)).numpy()


def has_depthwise(model: "keras.Model") -> bool:
    """Whether a model, or one within it, has depthwise convolutions."""
    from keras import layers

    inner = [one for layer in model.layers for one in (layer, *getattr(layer, "layers", ()))]
    return any(isinstance(layer, layers.DepthwiseConv2D | layers.SeparableConv2D) for layer in inner)


def onnx_step(model: "keras.Model", threads: int | None = None) -> Step:
    """Score with ONNX Runtime on so many threads, default all; the network is kept in `data/cache`, known by its weights."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or workers()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor to others
    network = cached_bytes(f"network-{_key(model)}.onnx", lambda: export_onnx(model, half=False))
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def score(images: np.ndarray) -> np.ndarray:
        few = (images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE))
        return np.concatenate([session.run(None, {"pixels": np.asarray(one, np.float32)})[0] for one in few])

    return score


def _key(model: "keras.Model") -> str:
    digest = hashlib.sha256(f"{model.name} {model.input_shape} {OPSET}".encode())
    for weight in model.weights:
        digest.update(f"{weight.path} {weight.shape}".encode() + weight.numpy().tobytes())
    return digest.hexdigest()[:24]
