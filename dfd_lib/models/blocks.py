"""What every model begins and ends with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def pixels(image_size: int) -> "keras.KerasTensor":
    """The input: RGB 0..255 (batch, image_size, image_size, 3); uint8 is cast."""
    import keras

    return keras.Input((image_size, image_size, 3), name="pixels")


def clip(frames: int, image_size: int) -> tuple["keras.KerasTensor", "keras.KerasTensor"]:
    """The inputs of a model of clips: `pixels` of each frame, and which frames there are.

    Returns:
        RGB 0..255 (batch, frames, image_size, image_size, 3), uint8 is cast; and
        bool (batch, frames), false where a clip is padded.
    """
    import keras

    return keras.Input((frames, image_size, image_size, 3), name="pixels"), keras.Input((frames,), dtype="bool", name="valid")


def side_of(model: "keras.Model") -> int:
    """Side in pixels of the faces that a model takes."""
    return model.inputs[0].shape[-2]


def frames_of(model: "keras.Model") -> int | None:
    """How many frames a model of clips takes; None for a model of single frames."""
    return model.inputs[0].shape[1] if len(model.inputs) > 1 else None


def rescale(x: "keras.KerasTensor", scale: float | Sequence[float] = 1 / 255, offset: float | Sequence[float] = 0.0) -> "keras.KerasTensor":
    """`x * scale + offset`, by channel where they are sequences; by default to [0, 1].

    In float32 under every precision policy: rounding begins at the first convolution.
    """
    from keras import layers

    return layers.Rescaling(scale, offset, dtype="float32", name="rescale")(x)


def p_fake(x: "keras.KerasTensor", kernel_regularizer: "keras.Regularizer | None" = None) -> "keras.KerasTensor":
    """The head: one unit, P(fake), float32 (batch, 1) under every precision policy."""
    from keras import layers

    x = layers.Dense(1, kernel_regularizer=kernel_regularizer, dtype="float32", name="logit")(x)
    return layers.Activation("sigmoid", dtype="float32", name="p_fake")(x)


def penalty(l1: float = 0.0, l2: float = 0.0) -> "keras.Regularizer | None":
    """`l1 * sum(|w|) + l2 * sum(w**2)`, or None where both are 0."""
    from keras import regularizers

    return regularizers.L1L2(l1, l2) if l1 or l2 else None


def widened(channels: int, width: float) -> int:
    """A layer's channels times a width multiplier, at least 1.

    Example:
        >>> widened(20, 0.5), widened(1, 0.1)
        (10, 1)
    """
    return max(1, round(channels * width))
