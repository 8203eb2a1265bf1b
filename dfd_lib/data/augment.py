"""Random changes of training batches: each derives from a seed, the epoch and the example alone.

What costs least is done by TensorFlow on the whole batch (flips, brightness,
contrast, mixing); the rest by OpenCV, crop by crop, before it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dfd_lib.data.blending import retouched_at_random, self_blended
from dfd_lib.data.degrade import degraded

if TYPE_CHECKING:
    import tensorflow as tf

    from dfd_lib.experiment import Augment


def augmented(images: "tf.Tensor", augment: "Augment", key: "tf.Tensor") -> "tf.Tensor":
    """Flip, brighten and change contrast at random, each image on its own; all frames of a clip alike.

    Args:
        images: uint8 or float32 (batch, size, size, 3) or (batch, frames, size,
            size, 3), 0..255.
        augment: how much; where nothing is to change, any shape will do.
        key: two integers; equal keys give equal changes.

    Returns:
        float32, same shape, within 0..255.
    """
    import tensorflow as tf

    if not augment.changes:
        return tf.cast(images, tf.float32)
    inside = range(1, len(images.shape) - 1)
    draw = tf.random.stateless_uniform((3, tf.shape(images)[0], *(1 for _ in inside), 1), key)
    if augment.flip:  # of bytes, a quarter of the numbers' weight
        images = tf.where(draw[0] < 0.5, images[..., ::-1, :], images)
    images = tf.cast(images, tf.float32)
    if not (augment.contrast or augment.brightness):
        return images
    contrast = 1 + augment.contrast * (2 * draw[1] - 1)
    mean = tf.reduce_mean(images, axis=list(inside), keepdims=True)
    shift = mean * (1 - contrast) + 255 * augment.brightness * (2 * draw[2] - 1)
    return tf.clip_by_value(images * contrast + shift, 0, 255)  # both in one pass over the pixels


def mixed(
    images: "tf.Tensor", labels: "tf.Tensor", weights: "tf.Tensor", alpha: float, key: "tf.Tensor"
) -> tuple["tf.Tensor", "tf.Tensor", "tf.Tensor"]:
    """Mix each example with the one before it, label and weight too.

    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization",
    ICLR 2018. Here the example's own part is always the larger one, which is
    the same where the order is random.

    Args:
        images: float32 (batch, ...).
        labels: float32 (batch, 1).
        weights: float32 (batch,).
        alpha: of Beta(alpha, alpha), which the share of the first is drawn from.
        key: two integers; equal keys give equal shares.

    Returns:
        The same shapes.
    """
    import tensorflow as tf

    # two gamma draws make one of Beta
    first, second = tf.unstack(tf.random.stateless_gamma((2, tf.shape(labels)[0]), key, alpha) + 1e-12)
    own = tf.maximum(first, second) / (first + second)

    def mix(values: "tf.Tensor") -> "tf.Tensor":
        share = tf.reshape(own, (-1, *(1 for _ in values.shape[1:])))
        return share * values + (1 - share) * tf.roll(values, 1, axis=0)

    return mix(images), mix(labels), mix(weights)


def changed(
    images: np.ndarray, augment: "Augment", key: tuple[int, int], places: np.ndarray, blended: np.ndarray | None = None
) -> np.ndarray:
    """Blend and degrade a batch at random, each example on its own: by the key and its place alone.

    Args:
        images: uint8 (batch, ..., size, size, 3).
        augment: how they are degraded.
        key: two integers, such as seed and epoch.
        places: int (batch,), the number of each example.
        blended: bool (batch,), which are made into fakes first; the others are then retouched every
            second time, as the fakes' own background is. None: a training without such fakes.

    Returns:
        uint8, same shape.
    """
    done = np.empty_like(images)
    for number, place in enumerate(places):
        random = np.random.default_rng([*key, int(place)])
        image = images[number]
        if blended is not None:
            image = self_blended(image, random) if blended[number] else retouched_at_random(image, random)
        done[number] = degraded(image, augment, random) if augment.degrades else image
    return done


def changer(augment: "Augment", seed: int, blended: np.ndarray) -> Callable[..., "tf.Tensor"]:
    """`changed` as a step of TensorFlow's; nothing at all where nothing is asked for."""
    import tensorflow as tf

    blends = blended.any()

    def change(images: np.ndarray, epoch: int, places: np.ndarray) -> np.ndarray:
        return changed(images, augment, (seed, int(epoch)), places, blended[places] if blends else None)

    def step(images: "tf.Tensor", epoch: "tf.Tensor", places: "tf.Tensor") -> "tf.Tensor":
        return tf.ensure_shape(tf.numpy_function(change, [images, epoch, places], images.dtype), images.shape)

    return step if augment.degrades or blends else lambda images, epoch, places: images
