"""Grad-CAM: where a Keras model's last convolution finds what speaks for FAKE.

Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
gradient-based localization", ICCV 2017, equations 1 and 2.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import keras


def grad_cam(model: "keras.Model", crops: np.ndarray, layer: str | None = None) -> np.ndarray:
    """Heat maps of the evidence for FAKE.

    The gradient is that of the logit of p_fake: where a model is certain, that of
    p_fake itself is almost 0.

    Args:
        model: takes RGB 0..255 (n, size, size, 3), gives P(fake) (n, 1).
        crops: uint8 or float (n, size, size, 3), at the model's size.
        layer: the name of a layer whose output is (n, h, w, channels); default: the last such one.

    Returns:
        float64 (n, size, size), 0..1; 1 is the strongest place of each crop. All 0 where nothing speaks for FAKE.

    Raises:
        ValueError: no such layer, or none with an output of that shape.
    """
    import keras
    import tensorflow as tf

    split = keras.Model(model.inputs, [_tensor(model, layer), model.output])
    with tf.GradientTape() as tape:
        seen, p_fake = split(tf.cast(crops, tf.float32), training=False)
        p_fake = tf.clip_by_value(tf.cast(p_fake, tf.float32), 1e-6, 1 - 1e-6)
        logit = tf.math.log(p_fake) - tf.math.log1p(-p_fake)
    weights = tf.reduce_mean(tape.gradient(logit, seen), axis=(1, 2), keepdims=True)
    maps = tf.nn.relu(tf.reduce_sum(tf.cast(weights * seen, tf.float32), axis=3)).numpy().astype(float)
    maps = maps[: len(crops)]  # of a network that looks at mirror images too, those stand behind
    largest = maps.max(axis=(1, 2), keepdims=True)
    maps = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)
    size = crops.shape[1]
    return np.stack([np.clip(cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR), 0, 1) for one in maps])


def _tensor(model: "keras.Model", layer: str | None):
    """The output of the layer that is asked for, or of the last one that still has places."""
    import keras

    shaped = [one for one in model.layers if len(getattr(one.output, "shape", ())) == 4 and one is not model.layers[0]]
    if layer is not None:
        shaped = [one for one in shaped if one.name == layer]
    if not shaped:
        raise ValueError(
            f"grad_cam: expected a layer {layer or ''} with places (n, h, w, channels) in {model.name}, found none. See its summary."
        )
    last = shaped[-1]
    if isinstance(last, keras.Model):  # the output that a nested base knows is of its own graph; in this one, the next layer gets it
        return model.layers[model.layers.index(last) + 1].input
    return last.output
