"""MesoNet: Meso-4 and MesoInception-4. The authors' weights are in `mesonet_weights`."""

from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner

_PAPER = "Afchar, Nozick, Yamagishi, Echizen, MesoNet: a compact facial video forgery detection network, WIFS 2018, arXiv:1809.00888"
_LICENCE = "Apache-2.0 (the authors' code and weights)"


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "width": hp.Choice("width", [0.5, 1.0, 2.0, 4.0], default=1.0),
        "dense": hp.Choice("dense", [8, 16, 32, 64], default=16),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.5),
        "dense_l2": hp.Choice("dense_l2", [0.0, 1e-4, 1e-3, 1e-2], default=0.0),
    }


@register(
    space=_space,
    input_size=256,
    smallest=32,
    parameters=28_073,
    trainable=27_977,
    reference_parameters=28_073,
    reference_head="1 sigmoid unit, P(real)",
    paper=_PAPER,
    licence=_LICENCE,
)
def meso4(image_size: int = 256, *, width: float = 1.0, dense: int = 16, dropout: float = 0.5, dense_l2: float = 0.0) -> "keras.Model":
    """Meso-4: four small convolutions that look at the noise between pixels and faces.

    Reference:
        Afchar, Nozick, Yamagishi, Echizen, "MesoNet: a compact facial video
        forgery detection network", WIFS 2018, arXiv:1809.00888. 28,073
        parameters (27,977 trainable) at 256 px with one sigmoid unit, as in the
        reference, whose unit is P(real).

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 32 or more.
        width: multiplies the filters of all convolutions.
        dense: units of the dense layer.
        dropout: share dropped before and after the dense layer.
        dense_l2: L2 penalty on the kernels of both dense layers; a published variant has .01.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 256 x 256 x 3
    for number, (filters, kernel, pool) in enumerate(((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4)), start=1):
        x = layers.Conv2D(widened(filters, width), kernel, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.MaxPooling2D(pool, padding="same", name=f"pool{number}")(x)
        # 128 x 128 x 8, 64 x 64 x 8, 32 x 32 x 16, 8 x 8 x 16
    outputs = _head(x, dense, dropout, dense_l2)
    return keras.Model(inputs, outputs, name="meso4")


@register(
    space=_space,
    input_size=256,
    smallest=32,
    parameters=28_725,
    trainable=28_615,
    reference_parameters=28_725,
    reference_head="1 sigmoid unit, P(real)",
    paper=_PAPER,
    licence=_LICENCE,
)
def mesoinception4(
    image_size: int = 256, *, width: float = 1.0, dense: int = 16, dropout: float = 0.5, dense_l2: float = 0.0
) -> "keras.Model":
    """MesoInception-4: Meso-4 with two inception modules of dilated branches in front.

    Reference:
        As `meso4`. 28,725 parameters (28,615 trainable) at 256 px with one
        sigmoid unit, as in the reference, whose unit is P(real).

    Preprocessing:
        RGB / 255, inside.

    Args, Returns:
        As `meso4`.
    """
    import keras
    from keras import layers

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 256 x 256 x 3
    for block, branches in enumerate(((1, 4, 4, 2), (2, 4, 4, 2)), start=1):
        x = _inception(x, [widened(filters, width) for filters in branches], f"inception{block}")
        x = layers.BatchNormalization(name=f"bn{block}")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
        # 128 x 128 x 11, 64 x 64 x 12
    for block, pool in ((3, 2), (4, 4)):
        x = layers.Conv2D(widened(16, width), 5, padding="same", activation="relu", name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"bn{block}")(x)
        x = layers.MaxPooling2D(pool, padding="same", name=f"pool{block}")(x)
        # 32 x 32 x 16, 8 x 8 x 16
    outputs = _head(x, dense, dropout, dense_l2)
    return keras.Model(inputs, outputs, name="mesoinception4")


def _inception(x: "keras.KerasTensor", branches: list[int], name: str) -> "keras.KerasTensor":
    """Four branches: 1x1, and 1x1 then 3x3 with dilation 1, 2 and 3."""
    from keras import layers

    def conv(x: "keras.KerasTensor", filters: int, kernel: int, dilation: int, suffix: str) -> "keras.KerasTensor":
        layer = layers.Conv2D(filters, kernel, padding="same", dilation_rate=dilation, activation="relu", name=f"{name}_{suffix}")
        return layer(x)

    outputs = [conv(x, branches[0], 1, 1, "a")]
    for dilation, (letter, filters) in enumerate(zip("bcd", branches[1:], strict=True), start=1):
        narrow = conv(x, filters, 1, 1, f"{letter}_reduce")
        outputs.append(conv(narrow, filters, 3, dilation, letter))
    return layers.Concatenate(name=f"{name}_concat")(outputs)


def _head(x: "keras.KerasTensor", dense: int, dropout: float, dense_l2: float) -> "keras.KerasTensor":
    from keras import layers

    x = layers.Flatten(name="flatten")(x)
    # 1024
    x = layers.Dropout(dropout, name="dropout1")(x)
    x = layers.Dense(dense, kernel_regularizer=penalty(l2=dense_l2), name="dense")(x)
    x = layers.LeakyReLU(negative_slope=0.1, name="features")(x)
    # 16
    x = layers.Dropout(dropout, name="dropout2")(x)
    return p_fake(x, penalty(l2=dense_l2))
