"""A model in two: the features, and the head that judges them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def features(model: "keras.Model") -> "keras.Model":
    """The part of a registered model up to its features; it shares the model's weights.

    Where the base of a `transfer` model is frozen, these are all that its head
    ever sees: compute them once and train `head(model)` on them.

    Returns:
        A model of RGB 0..255 (batch, size, size, 3) -> float32 (batch, n): what
        the last layers judge (the pooled base of a `transfer` model).
    """
    import keras
    from keras import layers

    found = model.get_layer("features").output
    return keras.Model(model.input, layers.Activation("linear", dtype="float32")(found), name=f"{model.name}_features")


def head(model: "keras.Model") -> "keras.Model":
    """The part of a registered model behind its features; it shares the model's weights.

    Returns:
        A model of (batch, n) -> P(fake), (batch, 1): `head(model)` of
        `features(model)` of x is `model` of x.
    """
    import keras

    return keras.Model(model.get_layer("features").output, model.output, name=f"{model.name}_head")
