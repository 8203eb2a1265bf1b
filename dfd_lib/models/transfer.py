"""Networks made for ImageNet, pooled, with one unit: Keras' bases.

All take the hyper-parameters of `dfd_lib.models.bases.transfer` (trainable_base,
bn_momentum, dense, dropout, kernel_l2) and `weights`: `imagenet` or None.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from dfd_lib.models.bases import to_caffe, to_standard, to_unit_ball, transfer
from dfd_lib.models.registry import register

if TYPE_CHECKING:
    import keras
    import keras_tuner

_ONE_UNIT = "1 sigmoid unit"
_IMAGENET = "1,000 softmax units"
_LICENCE = "Apache-2.0 (Keras)"


def _space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {
        "trainable_base": hp.Boolean("trainable_base", default=True),
        "dense": hp.Choice("dense", [0, 64, 256], default=0),
        "dropout": hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.0),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4, 1e-3], default=0.0),
    }


def _mobilenet_space(hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    return {"width": hp.Choice("width", [0.35, 0.5, 0.75, 1.0], default=1.0), **_space(hp)}


@register(
    space=_space,
    shared=transfer,
    input_size=128,
    smallest=75,
    parameters=54_338_273,
    trainable=54_277_729,
    reference_parameters=54_339_810,
    reference_head="2 softmax units",
    paper="Szegedy et al., Inception-v4, Inception-ResNet and the impact of residual connections, AAAI 2017, arXiv:1602.07261",
    licence=_LICENCE,
    imagenet="Apache-2.0",
)
def inception_resnet_v2(image_size: int = 128, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """Inception-ResNet-v2.

    Reference:
        Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the
        impact of residual connections on learning", AAAI 2017,
        arXiv:1602.07261. 54,338,273 parameters (54,277,729 trainable) with one
        sigmoid unit; 54,339,810 (54,279,266) with the two softmax units of the
        DFDC system that this rebuilds, which is trained whole, at 128 px.

    Preprocessing:
        RGB / 127.5 - 1, inside.

    Args:
        image_size: side of the input in pixels, 75 or more.
        weights: `imagenet` or None.
        **hyper: see `dfd_lib.models.bases.transfer`.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1).
    """
    from keras.applications import InceptionResNetV2

    return transfer("inception_resnet_v2", InceptionResNetV2, to_unit_ball, image_size, weights, **hyper)


@register(
    space=_space,
    shared=transfer,
    input_size=224,
    smallest=32,
    parameters=14_715_201,
    trainable=14_715_201,
    reference_parameters=14_715_201,
    reference_head=_ONE_UNIT,
    paper="Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015, arXiv:1409.1556",
    licence=_LICENCE,
    imagenet="CC BY 4.0",
)
def vgg16(image_size: int = 224, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """VGG-16.

    Reference:
        Simonyan, Zisserman, "Very deep convolutional networks for large-scale
        image recognition", ICLR 2015, arXiv:1409.1556. 14,715,201 parameters
        with pooling and one sigmoid unit, as in the system that this rebuilds
        (138,357,544 with the paper's dense layers and 1,000 units).

    Preprocessing:
        BGR less ImageNet's mean, inside.

    Args, Returns:
        As `inception_resnet_v2`; 32 px or more.
    """
    from keras.applications import VGG16

    return transfer("vgg16", VGG16, to_caffe, image_size, weights, **hyper)


@register(
    space=_space,
    shared=transfer,
    input_size=224,
    smallest=32,
    parameters=20_024_897,
    trainable=20_024_897,
    reference_parameters=20_024_897,
    reference_head=_ONE_UNIT,
    paper="Simonyan, Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015, arXiv:1409.1556",
    licence=_LICENCE,
    imagenet="CC BY 4.0",
)
def vgg19(image_size: int = 224, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """VGG-19.

    Reference:
        As `vgg16`. 20,024,897 parameters with pooling and one sigmoid unit, as
        in the system that this rebuilds (143,667,240 with the paper's dense
        layers and 1,000 units).

    Preprocessing:
        BGR less ImageNet's mean, inside.

    Args, Returns:
        As `inception_resnet_v2`; 32 px or more.
    """
    from keras.applications import VGG19

    return transfer("vgg19", VGG19, to_caffe, image_size, weights, **hyper)


@register(
    space=_mobilenet_space,
    shared=transfer,
    input_size=224,
    smallest=32,
    parameters=2_259_265,
    trainable=2_225_153,
    reference_parameters=3_538_984,
    reference_head=_IMAGENET,
    paper="Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, CVPR 2018, arXiv:1801.04381",
    licence=_LICENCE,
    imagenet="Apache-2.0",
)
def mobilenet_v2(image_size: int = 224, weights: str | None = None, *, width: float = 1.0, **hyper: Any) -> "keras.Model":
    """MobileNetV2.

    Reference:
        Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals
        and linear bottlenecks", CVPR 2018, arXiv:1801.04381. 2,259,265
        parameters (2,225,153 trainable) with one sigmoid unit, 3,538,984 with
        the paper's 1,000 softmax units.

    Preprocessing:
        RGB / 127.5 - 1, inside.

    Args, Returns:
        As `inception_resnet_v2`; 32 px or more. `width` multiplies all
        channels; ImageNet weights exist for .35, .5, .75, 1, 1.3 and 1.4.
    """
    from keras.applications import MobileNetV2

    return transfer("mobilenet_v2", partial(MobileNetV2, alpha=width), to_unit_ball, image_size, weights, **hyper)


@register(
    space=_space,
    shared=transfer,
    input_size=299,
    smallest=71,
    parameters=20_863_529,
    trainable=20_809_001,
    reference_parameters=22_910_480,
    reference_head=_IMAGENET,
    paper="Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017, arXiv:1610.02357",
    licence=_LICENCE,
    imagenet="MIT",
)
def xception(image_size: int = 299, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """Xception.

    Reference:
        Chollet, "Xception: deep learning with depthwise separable convolutions",
        CVPR 2017, arXiv:1610.02357. 20,863,529 parameters (20,809,001
        trainable) with one sigmoid unit, 22,910,480 with the paper's 1,000
        softmax units.

    Preprocessing:
        RGB / 127.5 - 1, inside.

    Args, Returns:
        As `inception_resnet_v2`; 71 px or more.
    """
    from keras.applications import Xception

    return transfer("xception", Xception, to_unit_ball, image_size, weights, **hyper)


@register(
    space=_space,
    shared=transfer,
    input_size=224,
    smallest=32,
    parameters=5_920_593,
    trainable=5_859_985,
    reference_parameters=7_200_312,
    reference_head=_IMAGENET,
    paper="Tan, Le, EfficientNetV2: smaller models and faster training, ICML 2021, arXiv:2104.00298",
    licence=_LICENCE,
    imagenet="Apache-2.0",
)
def efficientnet_v2_b0(image_size: int = 224, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """EfficientNetV2-B0.

    Reference:
        Tan, Le, "EfficientNetV2: smaller models and faster training", ICML 2021,
        arXiv:2104.00298. 5,920,593 parameters (5,859,985 trainable) with one
        sigmoid unit, 7,200,312 with the paper's 1,000 softmax units.

    Preprocessing:
        RGB / 255, less ImageNet's mean, over its standard deviation, inside;
        Keras' own layers for it are left out, so that every model has one `rescale`.

    Args, Returns:
        As `inception_resnet_v2`; 32 px or more.
    """
    from keras.applications import EfficientNetV2B0

    return transfer("efficientnet_v2_b0", partial(EfficientNetV2B0, include_preprocessing=False), to_standard, image_size, weights, **hyper)
