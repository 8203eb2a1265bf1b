"""MiniVGGNet: two of VGG's blocks with batch normalization and a dense layer."""

from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "width": hp.Choice("width", [0.5, 1.0, 2.0], default=1.0),
        "dense": hp.Choice("dense", [128, 256, 512], default=512),
        "conv_dropout": hp.Choice("conv_dropout", [0.0, 0.1, 0.25, 0.4], default=0.25),
        "dropout": hp.Choice("dropout", [0.25, 0.5, 0.7], default=0.5),
        "kernel_l1": hp.Choice("kernel_l1", [0.0, 1e-10, 1e-8, 1e-6], default=0.0),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4, 5e-4], default=0.0),
    }


@register(
    space=_space,
    input_size=64,
    smallest=16,
    parameters=8_458_017,
    trainable=8_456_609,
    reference_parameters=8_458_530,
    reference_head="2 softmax units",
    paper="Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015, arXiv:1409.1556, shortened",
    licence="none published; the build is this project's (MIT)",
)
def minivggnet(
    image_size: int = 64,
    *,
    width: float = 1.0,
    dense: int = 512,
    conv_dropout: float = 0.25,
    dropout: float = 0.5,
    kernel_l1: float = 0.0,
    kernel_l2: float = 0.0,
) -> "keras.Model":
    """MiniVGGNet: VGG's idea in four convolutions, normalized after each ReLU.

    Reference:
        Simonyan, Zisserman, "Very deep convolutional networks for large-scale
        image recognition", ICLR 2015, arXiv:1409.1556, shortened to two blocks.
        8,458,017 parameters at 64 px with one sigmoid unit, 8,458,530 with the
        reference's two softmax units.

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 16 or more.
        width: multiplies the filters of all convolutions.
        dense: units of the dense layer.
        conv_dropout: share dropped after each block.
        dropout: share dropped after the dense layer.
        kernel_l1: L1 penalty on the kernels of the convolutions and the dense layer.
        kernel_l2: L2 penalty on the same.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    def penalized() -> dict[str, Any]:
        return {"kernel_regularizer": penalty(kernel_l1, kernel_l2)}

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 64 x 64 x 3
    for block, filters in enumerate((32, 64), start=1):
        for number in (2 * block - 1, 2 * block):
            x = layers.Conv2D(widened(filters, width), 3, padding="same", name=f"conv{number}", **penalized())(x)
            x = layers.ReLU(name=f"relu{number}")(x)
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        # 64 x 64 x 32, then 32 x 32 x 64
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        x = layers.Dropout(conv_dropout, name=f"dropout{block}")(x)
    # 16 x 16 x 64
    x = layers.Flatten(name="flatten")(x)
    # 16384
    x = layers.Dense(dense, name="dense", **penalized())(x)
    x = layers.ReLU(name="relu5")(x)
    x = layers.BatchNormalization(name="features")(x)
    # 512
    x = layers.Dropout(dropout, name="dropout3")(x)
    return keras.Model(inputs, p_fake(x), name="minivggnet")
