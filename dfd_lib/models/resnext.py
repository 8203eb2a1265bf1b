"""ResNeXt: residual bottlenecks whose 3x3 convolution is divided into groups."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dfd_lib.models.bases import to_standard
from dfd_lib.models.blocks import p_fake, penalty, pixels, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner

_PAPER = "Xie, Girshick, Dollar, Tu, He, Aggregated residual transformations for deep neural networks, CVPR 2017, arXiv:1611.05431"


def _space(hp: "keras_tuner.HyperParameters", cardinality: int = 32, width: float = 1.0) -> dict[str, Any]:
    return {
        "cardinality": hp.Choice("cardinality", [cardinality // 2, cardinality], default=cardinality),
        "width": hp.Choice("width", [width / 2, width, 2 * width], default=width),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.0),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4, 1e-3], default=0.0),
    }


@register(
    space=_space,
    input_size=112,
    smallest=32,
    parameters=23_050_177,
    trainable=22_981_953,
    reference_parameters=25_097_128,
    reference_head="1,000 softmax units",
    paper=_PAPER,
    licence="MIT (the build is this project's)",
    imagenet="BSD-3-Clause (torchvision)",
)
def resnext50(
    image_size: int = 112,
    weights: str | None = None,
    *,
    stages: Sequence[int] = (3, 4, 6, 3),
    cardinality: int = 32,
    group_width: int = 4,
    width: float = 1.0,
    dropout: float = 0.0,
    kernel_l2: float = 0.0,
    bn_momentum: float = 0.9,
) -> "keras.Model":
    """ResNeXt-50 (32x4d).

    Reference:
        Xie, Girshick, Dollar, Tu, He, "Aggregated residual transformations for
        deep neural networks", CVPR 2017, arXiv:1611.05431, laid out as in
        torchvision (padding on both sides, stride in the 3x3 convolution), whose
        ImageNet weights it takes. The trunk has 23,048,128 parameters
        (22,979,904 trainable); 23,050,177 with one sigmoid unit, 25,097,128 with
        the paper's 1,000 softmax units.

    Preprocessing:
        RGB / 255, less ImageNet's mean, over its standard deviation, inside.

    Args:
        image_size: side of the input in pixels, 32 or more.
        weights: `imagenet` (torchvision's file under DFD_WEIGHTS) or None.
        stages: bottlenecks in each stage; each stage but the first halves the
            picture.
        cardinality: groups of each 3x3 convolution.
        group_width: channels of each group in the first stage; they double with
            each further stage.
        width: multiplies the 64 channels of the stem and the 256 * 2**s that
            stage s ends with.
        dropout: share of the pooled features dropped.
        kernel_l2: L2 penalty on the head's kernel.
        bn_momentum: of batch normalization's moving statistics.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    how = {"stages": stages, "cardinality": cardinality, "group_width": group_width, "width": width, "bn_momentum": bn_momentum}
    model = _model("resnext50", image_size, dropout, kernel_l2, **how)
    if weights is not None:
        from dfd_lib.models.torchvision_weights import load_imagenet

        load_imagenet(model)
    return model


@register(
    space=partial(_space, cardinality=8, width=0.25),
    input_size=64,
    smallest=32,
    parameters=138_225,
    trainable=135_505,
    reference_parameters=138_225,
    reference_head="1 sigmoid unit",
    paper=_PAPER,
    licence="none published; the build is this project's (MIT)",
)
def resnext_small(
    image_size: int = 64,
    *,
    stages: Sequence[int] = (1, 1, 1),
    cardinality: int = 8,
    group_width: int = 4,
    width: float = 0.25,
    dropout: float = 0.0,
    kernel_l2: float = 0.0,
    bn_momentum: float = 0.9,
) -> "keras.Model":
    """A ResNeXt that trains on a laptop: ten weight layers, eight groups.

    Reference:
        As `resnext50`, with other numbers. 138,225 parameters with one sigmoid unit.

    Preprocessing:
        As `resnext50`.

    Args, Returns:
        As `resnext50`, which explains them; there are no ImageNet weights.
    """
    how = {"stages": stages, "cardinality": cardinality, "group_width": group_width, "width": width, "bn_momentum": bn_momentum}
    return _model("resnext_small", image_size, dropout, kernel_l2, **how)


def _model(name: str, image_size: int, dropout: float, kernel_l2: float, **how: Any) -> "keras.Model":
    import keras
    from keras import layers

    inputs = pixels(image_size)
    x = layers.GlobalAveragePooling2D(name="features")(_trunk(to_standard(inputs), **how))
    # 2048
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, p_fake(x, penalty(l2=kernel_l2)), name=name)


def _trunk(
    x: "keras.KerasTensor", *, stages: Sequence[int], cardinality: int, group_width: int, width: float, bn_momentum: float
) -> "keras.KerasTensor":
    """Stem and stages; the layers' names say where their weights lie in torchvision's file, with `_` for its dots."""
    from keras import layers

    # 112 x 112 x 3
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(widened(64, width), 7, 2, use_bias=False, kernel_initializer="he_normal", name="conv1")(x)
    x = layers.ReLU(name="relu")(_normalized(x, bn_momentum, "bn1"))
    # 56 x 56 x 64; behind a ReLU, zeros around the picture change no maximum
    x = layers.MaxPooling2D(3, 2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool_pad")(x))
    for stage, blocks in enumerate(stages):
        inner, outer = cardinality * group_width * 2**stage, widened(256 * 2**stage, width)
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _bottleneck(x, inner, outer, cardinality, stride, not block, bn_momentum, f"layer{stage + 1}_{block}")
        # 28 x 28 x 256, 14 x 14 x 512, 7 x 7 x 1024, 4 x 4 x 2048
    return x


def _bottleneck(
    x: "keras.KerasTensor", inner: int, outer: int, groups: int, stride: int, project: bool, bn_momentum: float, name: str
) -> "keras.KerasTensor":
    """1x1 to `inner` channels, 3x3 in groups, 1x1 to `outer`; `project` fits the shortcut to the new shape."""
    from keras import layers

    from dfd_lib.models.grouped import GroupedConv2D

    y = _conv1x1(x, inner, 1, f"{name}_conv1")
    y = layers.ReLU(name=f"{name}_relu1")(_normalized(y, bn_momentum, f"{name}_bn1"))
    y = layers.ZeroPadding2D(1, name=f"{name}_pad")(y)
    y = GroupedConv2D(inner, 3, groups, stride, name=f"{name}_conv2")(y)
    y = layers.ReLU(name=f"{name}_relu2")(_normalized(y, bn_momentum, f"{name}_bn2"))
    y = _normalized(_conv1x1(y, outer, 1, f"{name}_conv3"), bn_momentum, f"{name}_bn3")
    if project:
        x = _normalized(_conv1x1(x, outer, stride, f"{name}_downsample_0"), bn_momentum, f"{name}_downsample_1")
    return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([x, y]))


def _conv1x1(x: "keras.KerasTensor", filters: int, stride: int, name: str) -> "keras.KerasTensor":
    from keras import layers

    return layers.Conv2D(filters, 1, stride, use_bias=False, kernel_initializer="he_normal", name=name)(x)


def _normalized(x: "keras.KerasTensor", momentum: float, name: str) -> "keras.KerasTensor":
    from keras import layers

    return layers.BatchNormalization(momentum=momentum, epsilon=1e-5, name=name)(x)
