"""AlexNet in a single tower."""

from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "width": hp.Choice("width", [0.25, 0.5, 1.0], default=1.0),
        "dense": hp.Choice("dense", [256, 1024, 4096], default=4096),
        "dropout": hp.Choice("dropout", [0.25, 0.5, 0.7], default=0.5),
        "batch_norm": hp.Boolean("batch_norm", default=False),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4, 5e-4], default=0.0),
    }


@register(
    space=_space,
    input_size=227,
    smallest=67,
    parameters=58_285_441,
    trainable=58_285_441,
    reference_parameters=62_378_344,
    reference_head="1,000 softmax units",
    paper="Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural networks, NIPS 2012, in one tower",
    licence="none published; the build is this project's (MIT)",
)
def alexnet(
    image_size: int = 227,
    *,
    width: float = 1.0,
    dense: int = 4096,
    dropout: float = 0.5,
    batch_norm: bool = False,
    kernel_l2: float = 0.0,
) -> "keras.Model":
    """AlexNet: five convolutions and two large dense layers.

    Reference:
        Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep
        convolutional neural networks", NIPS 2012, in one tower (no split
        convolutions) and without local response normalization. 58,285,441
        parameters at 227 px with one sigmoid unit, 62,378,344 with the
        reference's 1,000 softmax units.

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 67 or more (fewer leave nothing after the last pooling).
        width: multiplies the filters of all convolutions.
        dense: units of both dense layers.
        dropout: share dropped after each dense layer.
        batch_norm: normalize after each convolution, which the reference does not;
            without it the net often stays at chance from random weights.
        kernel_l2: L2 penalty on all kernels but the head's; the paper's weight decay is 5e-4.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    def conv(
        x: "keras.KerasTensor", number: int, filters: int, kernel: int, strides: int = 1, padding: str = "same"
    ) -> "keras.KerasTensor":
        x = layers.Conv2D(
            widened(filters, width), kernel, strides, padding, kernel_regularizer=penalty(l2=kernel_l2), name=f"conv{number}"
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        return layers.ReLU(name=f"relu{number}")(x)

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 227 x 227 x 3
    x = conv(x, 1, 96, 11, strides=4, padding="valid")
    # 55 x 55 x 96
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    # 27 x 27 x 96
    x = conv(x, 2, 256, 5)
    # 27 x 27 x 256
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    # 13 x 13 x 256
    x = conv(x, 3, 384, 3)
    x = conv(x, 4, 384, 3)
    # 13 x 13 x 384
    x = conv(x, 5, 256, 3)
    # 13 x 13 x 256
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    # 6 x 6 x 256
    x = layers.Flatten(name="flatten")(x)
    # 9216
    x = layers.Dense(dense, activation="relu", kernel_regularizer=penalty(l2=kernel_l2), name="dense6")(x)
    x = layers.Dropout(dropout, name="dropout6")(x)
    # 4096
    x = layers.Dense(dense, activation="relu", kernel_regularizer=penalty(l2=kernel_l2), name="features")(x)
    # 4096
    x = layers.Dropout(dropout, name="dropout7")(x)
    return keras.Model(inputs, p_fake(x), name="alexnet")
