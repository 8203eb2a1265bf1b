"""LeNet, wider than the original: two convolutions and a large dense layer."""

from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "width": hp.Choice("width", [0.5, 1.0, 2.0], default=1.0),
        "dense": hp.Choice("dense", [125, 250, 500], default=500),
        "stride": hp.Choice("stride", [1, 2], default=1),
        "padding": hp.Choice("padding", ["same", "valid"], default="same"),
        "activation": hp.Choice("activation", ["relu", "tanh"], default="relu"),
        "kernel_l1": hp.Choice("kernel_l1", [0.0, 1e-10, 1e-8, 1e-6], default=0.0),
        "activity_l2": hp.Choice("activity_l2", [0.0, 1e-7, 1e-6, 1e-5], default=0.0),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.0),
    }


@register(
    space=_space,
    input_size=64,
    smallest=32,
    parameters=6_427_571,
    trainable=6_427_571,
    reference_parameters=6_428_072,
    reference_head="2 softmax units",
    paper="LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998",
    licence="none published; the build is this project's (MIT)",
)
def lenet(
    image_size: int = 64,
    *,
    width: float = 1.0,
    dense: int = 500,
    stride: int = 1,
    pool_stride: int = 2,
    padding: str = "same",
    activation: str = "relu",
    kernel_l1: float = 0.0,
    activity_l2: float = 0.0,
    dropout: float = 0.0,
) -> "keras.Model":
    """LeNet with 20 and 50 filters and 500 dense units.

    Reference:
        LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to
        document recognition", Proc. IEEE 86(11), 1998; in the wider form with
        ReLU and maximum pooling that face-forensics ensembles train.
        6,427,571 parameters at 64 px with one sigmoid unit, 6,428,072 with the
        reference's two softmax units (1,627,571 and 1,628,072 at 32 px).

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 32 or more.
        width: multiplies both convolutions' filters.
        dense: units of the dense layer.
        stride: of both convolutions.
        pool_stride: of both poolings. The published tuned values (kernel L1
            1e-10, activity L2 1e-7, Adam, ReLU, padding same, "stride 2") do not
            say whose stride; the published count has stride 1 in the
            convolutions, so we read it as this one.
        padding: of the convolutions, `same` or `valid`.
        activation: of the convolutions and the dense layer.
        kernel_l1: L1 penalty on the kernels of the convolutions and the dense layer.
        activity_l2: L2 penalty on the outputs of the same layers.
        dropout: share of the dense layer's units dropped in training.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    def penalties() -> dict[str, Any]:
        return {"kernel_regularizer": penalty(l1=kernel_l1), "activity_regularizer": penalty(l2=activity_l2)}

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 64 x 64 x 3
    x = layers.Conv2D(widened(20, width), 5, stride, padding, activation=activation, name="conv1", **penalties())(x)
    # 64 x 64 x 20
    x = layers.MaxPooling2D(2, pool_stride, name="pool1")(x)
    # 32 x 32 x 20
    x = layers.Conv2D(widened(50, width), 5, stride, padding, activation=activation, name="conv2", **penalties())(x)
    # 32 x 32 x 50
    x = layers.MaxPooling2D(2, pool_stride, name="pool2")(x)
    # 16 x 16 x 50
    x = layers.Flatten(name="flatten")(x)
    # 12800
    x = layers.Dense(dense, activation=activation, name="features", **penalties())(x)
    # 500
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, p_fake(x), name="lenet")
