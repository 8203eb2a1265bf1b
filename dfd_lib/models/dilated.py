"""A ten-layer network whose later convolutions are dilated."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "width": hp.Choice("width", [0.25, 0.5, 1.0], default=1.0),
        "dilation": hp.Choice("dilation", [1, 2, 3], default=2),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.5),
        "batch_norm": hp.Boolean("batch_norm", default=False),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4], default=0.0),
    }


@register(
    space=_space,
    input_size=128,
    smallest=64,
    parameters=652_913,
    trainable=652_913,
    reference_parameters=653_314,
    reference_head="2 sigmoid units",
    paper="a published detector of generated faces: ten layers, three of them dilated; no paper",
    licence="none published; the build is this project's (MIT)",
)
def dilated_cnn(
    image_size: int = 128,
    *,
    width: float = 1.0,
    dilation: int = 2,
    dense: Sequence[int] = (400, 512, 400),
    dropout: float = 0.5,
    batch_norm: bool = False,
    kernel_l2: float = 0.0,
) -> "keras.Model":
    """Six convolutions, the last three dilated, and four dense layers.

    Reference:
        A detector of generated faces published as code, trained at 128 px and
        served at 224; here both are one size, 128 by default. 652,913
        parameters at any size with one sigmoid unit, 653,314 with the
        reference's two sigmoid units. Its published recipe (Adam 1e-5, batch
        32) stays at chance for its first 11 epochs.

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 64 or more (fewer leave nothing after six poolings).
        width: multiplies the filters of all convolutions.
        dilation: dilation rate of convolutions 4 to 6.
        dense: units of the hidden dense layers.
        dropout: share dropped after each of them, before its ReLU.
        batch_norm: normalize before each convolution's ReLU, which the reference
            does not; it leaves chance sooner with it.
        kernel_l2: L2 penalty on the kernels of the convolutions.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 128 x 128 x 3
    convolutions = ((64, 5, 1), (64, 5, 1), (64, 5, 1), (32, 3, dilation), (16, 3, dilation), (16, 3, dilation))
    for number, (filters, kernel, rate) in enumerate(convolutions, start=1):
        conv = layers.Conv2D(
            widened(filters, width),
            kernel,
            padding="same",
            dilation_rate=rate,
            kernel_regularizer=penalty(l2=kernel_l2),
            name=f"conv{number}",
        )
        x = conv(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
        # 64 x 64 x 64, 32 x 32 x 64, 16 x 16 x 64, 8 x 8 x 32, 4 x 4 x 16, 2 x 2 x 16
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    # 16
    for number, units in enumerate(dense, start=len(convolutions) + 1):
        x = layers.Dense(units, name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        # 400, 512, 400
    x = layers.Identity(name="features")(x)
    return keras.Model(inputs, p_fake(x), name="dilated_cnn")
