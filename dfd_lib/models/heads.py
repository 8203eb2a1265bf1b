"""The head: one unit, or the two that many published systems train, read as P(fake).

Two units are one for each class, `real` and `fake`, and what is called fake is
what has the larger one. P(fake) is the share of the second, `fake / (real + fake)`:
at least .5 exactly where that rule says fake, and with a softmax the unit itself.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

ONE_UNIT = "sigmoid"

_OF_TWO = {"softmax": ("softmax", "log_softmax"), "sigmoids": ("sigmoid", "log_sigmoid")}

HEADS = (ONE_UNIT, *_OF_TWO)
"""One sigmoid unit; two units with a softmax; two units with a sigmoid each."""


def with_head(model: "keras.Model", head: str) -> "keras.Model":
    """A model with another head on the same features, which share their weights.

    Args:
        model: with one unit, as the builders make it.
        head: one of `HEADS`.

    Returns:
        A model of the same inputs and name -> P(fake), (batch, 1). The two units
        before their activation are its layer `units`.

    Raises:
        ValueError: no such head.

    Example:
        >>> from dfd_lib.models.registry import build
        >>> build("lenet", head="softmax").count_params()  # as its reference counts
        6428072
    """
    import keras
    from keras import layers

    if head not in HEADS:
        raise ValueError(f"head: expected one of {', '.join(HEADS)}; came {head!r}")
    if head == ONE_UNIT:
        return model
    one = model.get_layer("logit")
    units = layers.Dense(2, kernel_regularizer=one.kernel_regularizer, dtype="float32", name="units")(one.input)
    logs = layers.Activation(_OF_TWO[head][1], dtype="float32", name="log_classes")(units)
    odds = layers.Subtract(dtype="float32", name="logit")([logs[:, 1:], logs[:, :1]])
    return keras.Model(model.input, layers.Activation("sigmoid", dtype="float32", name="p_fake")(odds), name=model.name)


def trained_output(model: "keras.Model", head: str) -> "keras.KerasTensor":
    """What a loss judges: P(fake) (batch, 1), or both classes (batch, 2) in the order real, fake."""
    from keras import layers

    if head == ONE_UNIT:
        return model.outputs[0]
    return layers.Activation(_OF_TWO[head][0], dtype="float32", name="classes")(model.get_layer("units").output)
