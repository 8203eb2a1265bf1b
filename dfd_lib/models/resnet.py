"""A pre-activation residual network of bottlenecks for small images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale, widened
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    stages = hp.Choice("stages", ["2-2-2", "3-3-3", "3-4-6"], default="3-4-6")  # KerasTuner draws no tuples
    return {
        "stages": tuple(int(blocks) for blocks in stages.split("-")),
        "width": hp.Choice("width", [0.25, 0.5, 1.0], default=1.0),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.0),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4, 5e-4], default=1e-4),
    }


@register(
    space=_space,
    input_size=64,
    smallest=16,
    parameters=2_160_333,
    trainable=2_146_759,
    reference_parameters=2_160_333,
    reference_head="1 sigmoid unit",
    paper="He, Zhang, Ren, Sun, Identity mappings in deep residual networks, ECCV 2016, arXiv:1603.05027",
    licence="none published; the build is this project's (MIT)",
)
def resnet(
    image_size: int = 64,
    *,
    stages: Sequence[int] = (3, 4, 6),
    width: float = 1.0,
    dropout: float = 0.0,
    kernel_l2: float = 1e-4,
) -> "keras.Model":
    """A residual network with pre-activation bottlenecks, 41 weight layers by default.

    Reference:
        He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", ECCV
        2016, arXiv:1603.05027, with a 3x3 stem of 64, three stages of 128, 256
        and 512 channels, the pixels normalized by the batch before the stem,
        and no bias in the convolutions. 2,160,333 parameters at any size with
        one sigmoid unit, as in the reference.

    Preprocessing:
        RGB / 255, inside.

    Args:
        image_size: side of the input in pixels, 16 or more.
        stages: bottlenecks in each stage; each stage but the first halves the
            picture, and stage s has 64 * 2**s channels.
        width: multiplies the channels of stem and stages.
        dropout: share of the pooled features dropped.
        kernel_l2: L2 penalty on every kernel, the head's too.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    import keras
    from keras import layers

    inputs = pixels(image_size)
    x = rescale(inputs)
    # 64 x 64 x 3
    x = _normalized(x, "stem_bn")
    x = _conv(x, widened(64, width), 3, 1, kernel_l2, "stem_conv")
    # 64 x 64 x 64
    for stage, blocks in enumerate(stages, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _bottleneck(x, widened(64 * 2**stage, width), stride, block == 1, kernel_l2, f"stage{stage}_block{block}")
        # 64 x 64 x 128, 32 x 32 x 256, 16 x 16 x 512
    x = layers.ReLU(name="last_relu")(_normalized(x, "last_bn"))
    x = layers.GlobalAveragePooling2D(name="features")(x)
    # 512
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, p_fake(x, penalty(l2=kernel_l2)), name="resnet")


def _bottleneck(x: "keras.KerasTensor", channels: int, stride: int, project: bool, kernel_l2: float, name: str) -> "keras.KerasTensor":
    """1x1 to a quarter of the channels, 3x3, 1x1 back; `project` widens the shortcut after the first activation."""
    from keras import layers

    narrow = max(1, channels // 4)
    active = layers.ReLU(name=f"{name}_relu1")(_normalized(x, f"{name}_bn1"))
    shortcut = _conv(active, channels, 1, stride, kernel_l2, f"{name}_shortcut") if project else x
    y = _conv(active, narrow, 1, 1, kernel_l2, f"{name}_conv1")
    y = layers.ReLU(name=f"{name}_relu2")(_normalized(y, f"{name}_bn2"))
    y = _conv(y, narrow, 3, stride, kernel_l2, f"{name}_conv2")
    y = layers.ReLU(name=f"{name}_relu3")(_normalized(y, f"{name}_bn3"))
    y = _conv(y, channels, 1, 1, kernel_l2, f"{name}_conv3")
    return layers.Add(name=f"{name}_add")([y, shortcut])


def _conv(x: "keras.KerasTensor", filters: int, kernel: int, stride: int, kernel_l2: float, name: str) -> "keras.KerasTensor":
    from keras import layers

    return layers.Conv2D(filters, kernel, stride, "same", use_bias=False, kernel_regularizer=penalty(l2=kernel_l2), name=name)(x)


def _normalized(x: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
    from keras import layers

    return layers.BatchNormalization(momentum=0.9, epsilon=2e-5, name=name)(x)
