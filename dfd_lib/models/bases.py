"""Keras' ImageNet networks as bases: what the `transfer` builders share."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfd_lib.models.blocks import p_fake, penalty, pixels, rescale

if TYPE_CHECKING:
    import keras

_CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR in 0..255
_IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB in [0, 1]
_IMAGENET_STD = (0.229, 0.224, 0.225)


def to_unit_ball(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """RGB 0..255 to [-1, 1]."""
    return rescale(x, 1 / 127.5, -1.0)


def to_caffe(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """RGB 0..255 to BGR less ImageNet's mean."""
    from keras import ops

    # `take` and not `flip`: ONNX has the first as one Gather
    return rescale(ops.take(x, [2, 1, 0], axis=-1), 1.0, [-mean for mean in _CAFFE_MEAN])


def to_standard(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """RGB 0..255 to ImageNet's mean 0 and standard deviation 1, by channel."""
    offset = [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)]
    return rescale(x, [1 / (255 * std) for std in _IMAGENET_STD], offset)


def transfer(
    name: str,
    application: Callable[..., "keras.Model"],
    preprocess: Callable[["keras.KerasTensor"], "keras.KerasTensor"],
    image_size: int,
    weights: str | None,
    *,
    trainable_base: bool = True,
    bn_momentum: float | None = None,
    dense: int = 0,
    dropout: float = 0.0,
    kernel_l2: float = 0.0,
    mirrored: bool = False,
) -> "keras.Model":
    """A base without its top, global average pooling, one unit.

    Args:
        name: the model's name.
        application: builds the base, as those of `keras.applications` do.
        preprocess: RGB 0..255 to what the base was trained on.
        image_size: side of the input in pixels.
        weights: `imagenet` or None.
        trainable_base: whether training changes the base. A frozen base runs in
            inference mode: batch normalization with its moving statistics, and
            no dropout, so that its features can be computed once.
        bn_momentum: of the moving statistics of the base's batch normalization; None
            leaves the base's own. They are made for long training (.999 in
            MobileNetV2): from random weights, a few hundred steps need about .9,
            or the moving statistics lag behind and validation stays at chance.
        dense: units of a hidden layer with ReLU before the head; 0 = none.
        dropout: share dropped before the head.
        kernel_l2: L2 penalty on the kernels of the hidden layer and the head.
        mirrored: in use, the features are the mean of those of the face and of its
            mirror image, at twice the cost; training sees what it is shown.

    Returns:
        A model of (batch, size, size, 3) -> P(fake), (batch, 1). The base is its
        layer `base`, the pooled features its layer `features`.

    Raises:
        FileNotFoundError: ImageNet weights cannot be downloaded.
    """
    import keras
    from keras import layers

    inputs = pixels(image_size)
    base = _base(name, application, weights, image_size)
    if not trainable_base:
        freeze(base)
    if bn_momentum is not None:
        _set_momentum(base, bn_momentum)
    x = preprocess(inputs)
    if mirrored:
        from dfd_lib.models.mirror import MeanOfBoth, WithMirrored

        x = layers.GlobalAveragePooling2D(name="pooled")(base(WithMirrored(name="with_mirrored")(x)))
        x = MeanOfBoth(name="features")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="features")(base(x))
    if dense:
        x = layers.Dense(dense, activation="relu", kernel_regularizer=penalty(l2=kernel_l2), name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, p_fake(x, penalty(l2=kernel_l2)), name=name)


def freeze(base: "keras.Model") -> None:
    """Keep a base as it is: weights, batch statistics, and the same features in training as in use."""
    from keras import layers

    base.trainable = False  # batch normalization then uses its moving statistics
    for layer in base.layers:
        if isinstance(layer, layers.Dropout):  # EfficientNetV2 drops connections; `training=False` would not hold within `fit`
            layer.rate = 0.0


def _set_momentum(base: "keras.Model", momentum: float) -> None:
    from keras import layers

    if not 0 <= momentum < 1:
        raise ValueError(f"bn_momentum: expected a number from 0 up to but not 1, came {momentum!r}")
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum


def _base(name: str, application: Callable[..., "keras.Model"], weights: str | None, image_size: int) -> "keras.Model":
    try:
        base = application(include_top=False, weights=weights, input_shape=(image_size, image_size, 3))
    except Exception as error:
        if not isinstance(error, OSError) and "URL fetch failure" not in str(error):  # Keras raises it as a bare Exception
            raise
        raise FileNotFoundError(
            f"model {name!r}: weights 'imagenet': expected to download them, came {' '.join(str(error).split())}. Run once with a network "
            f"(Keras keeps the file), or give the file of the base without its top as weights, or leave weights out."
        ) from error
    base.name = "base"  # not in the call: EfficientNetV2 reads its architecture from its name
    return base
