"""A frame model's features, followed over time by an LSTM."""

from functools import partial
from typing import TYPE_CHECKING, Any

from dfd_lib.models.bases import freeze
from dfd_lib.models.blocks import clip, p_fake, penalty
from dfd_lib.models.registry import build, model_facts, register

if TYPE_CHECKING:
    import keras
    import keras_tuner

_PAPER = (
    "Hochreiter, Schmidhuber, Long short-term memory, Neural Computation 1997, on ResNeXt-50 (arXiv:1611.05431); "
    "Gueera, Delp, Deepfake video detection using recurrent neural networks, AVSS 2018"
)


def _space(hp: "keras_tuner.HyperParameters", units: int = 2048) -> dict[str, Any]:
    return {
        "units": hp.Choice("units", [units // 4, units // 2, units], default=units),
        "dropout": hp.Choice("dropout", [0.0, 0.2, 0.4, 0.6], default=0.4),
        "kernel_l2": hp.Choice("kernel_l2", [0.0, 1e-5, 1e-4], default=0.0),
        "train_backbone": hp.Boolean("train_backbone", default=True),
    }


@register(
    space=_space,
    input_size=112,
    smallest=32,
    parameters=56_612_801,
    trainable=56_544_577,
    reference_parameters=56_612_801,
    reference_head="1 sigmoid unit",
    paper=_PAPER,
    licence="MIT (the build is this project's)",
    imagenet="BSD-3-Clause (torchvision)",
    takes="clip",
    frames=10,
)
def resnext_lstm(
    image_size: int = 112,
    weights: str | None = None,
    *,
    frames: int = 10,
    backbone: str = "resnext50",
    backbone_hyper: dict[str, Any] | None = None,
    backbone_weights: str | None = None,
    train_backbone: bool = True,
    relative: bool = False,
    units: int = 2048,
    dropout: float = 0.4,
    kernel_l2: float = 0.0,
) -> "keras.Model":
    """ResNeXt-50 on each face, an LSTM over time, the mean over time, one unit.

    Reference:
        The widespread detector of ResNeXt-50 (32x4d) and one LSTM of 2,048 units
        (after Gueera and Delp, AVSS 2018) on sequences of 112 px face crops:
        56,612,801 parameters (56,544,577 trainable) with one sigmoid unit, an
        LSTM with its biases, which recurs over time.

    Preprocessing:
        The backbone's own, inside.

    Args:
        image_size: side of the input in pixels, as the backbone takes it.
        weights: `imagenet`, for the backbone, or None.
        frames: crops in a clip.
        backbone: a registered model that takes frames; what its head judges
            are the features of a frame.
        backbone_hyper: the backbone's own hyper-parameters.
        backbone_weights: a file of the backbone's, such as the `best.weights.h5`
            of its own training: time on top of a trained frame model.
        train_backbone: whether training changes the backbone; a frozen one runs
            in inference mode.
        relative: the LSTM is shown in what a frame's features differ from the mean
            of its clip, evened by batch normalization, and not the features (as
            the reference does). Who is seen, and in which light, is the same in
            all frames: without it few clips are soon learnt by heart.
        units: of the LSTM.
        dropout: share of the mean over time dropped.
        kernel_l2: L2 penalty on the head's kernel.

    Returns:
        A model of [pixels (batch, frames, size, size, 3), valid (batch, frames)]
        -> P(fake), (batch, 1). Where `valid` is false there is no frame, and
        whatever stands there changes nothing, neither an answer nor the batch
        statistics of training; the first of a clip is valid, and what is not
        stands at its end.
    """
    how = {"backbone": backbone, "backbone_hyper": backbone_hyper, "train_backbone": train_backbone}
    how |= {"relative": relative, "units": units, "dropout": dropout, "kernel_l2": kernel_l2}
    first = backbone_weights or weights
    return _recurrent("resnext_lstm", image_size, frames, first, **how)


@register(
    space=partial(_space, units=64),
    input_size=64,
    smallest=32,
    parameters=220_209,
    trainable=217_489,
    reference_parameters=220_209,
    reference_head="1 sigmoid unit",
    paper=_PAPER,
    licence="none published; the build is this project's (MIT)",
    takes="clip",
    frames=8,
)
def resnext_lstm_small(
    image_size: int = 64,
    *,
    frames: int = 8,
    backbone: str = "resnext_small",
    backbone_hyper: dict[str, Any] | None = None,
    backbone_weights: str | None = None,
    train_backbone: bool = True,
    relative: bool = False,
    units: int = 64,
    dropout: float = 0.4,
    kernel_l2: float = 0.0,
) -> "keras.Model":
    """`resnext_lstm` that trains on a laptop: a small ResNeXt, an LSTM of 64 units, eight frames.

    Reference:
        As `resnext_lstm`, with other numbers. 220,209 parameters with one sigmoid unit.

    Preprocessing:
        The backbone's own, inside.

    Args, Returns:
        As `resnext_lstm`, which explains them.
    """
    how = {"backbone": backbone, "backbone_hyper": backbone_hyper, "train_backbone": train_backbone}
    how |= {"relative": relative, "units": units, "dropout": dropout, "kernel_l2": kernel_l2}
    return _recurrent("resnext_lstm_small", image_size, frames, backbone_weights, **how)


def _recurrent(
    name: str,
    image_size: int,
    frames: int,
    weights: str | None,
    *,
    backbone: str,
    backbone_hyper: dict[str, Any] | None,
    train_backbone: bool,
    relative: bool,
    units: int,
    dropout: float,
    kernel_l2: float,
) -> "keras.Model":
    import keras
    from keras import layers, ops

    if frames < 1:
        raise ValueError(f"frames: expected 1 or more, came {frames}")
    trunk = _features_of(backbone, image_size, weights, train_backbone, backbone_hyper or {})
    inputs, valid = clip(frames, image_size)
    # 10 x 112 x 112 x 3
    x = _of_valid_frames(trunk, ops.reshape(inputs, (-1, image_size, image_size, 3)), ops.reshape(valid, (-1,)))
    x = ops.reshape(x, (-1, frames, trunk.output.shape[-1]))
    x = _relative(x, valid) if relative else x
    # 10 x 2048; the LSTM passes over what is not valid
    # drawn evenly, as the reference does: Keras' orthogonal matrices take half a minute for 2,048 units
    x = layers.LSTM(units, return_sequences=True, recurrent_initializer="glorot_uniform", name="lstm")(x, mask=valid)
    # 10 x 2048
    x = layers.GlobalAveragePooling1D(name="features")(x, mask=valid)
    # 2048
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model([inputs, valid], p_fake(x, penalty(l2=kernel_l2)), name=name)


def _of_valid_frames(trunk: "keras.Model", frames: "keras.KerasTensor", valid: "keras.KerasTensor") -> "keras.KerasTensor":
    """The trunk's features of each frame; it is shown valid ones alone, so that its batch normalization never counts padding.

    Args:
        trunk: (n, size, size, 3) -> (n, features).
        frames: all frames of a batch, clip after clip; the first is valid.
        valid: bool, which of them there are.

    Returns:
        As many rows as frames; one that is not valid repeats the one before.
    """
    from keras import ops

    seen = trunk(ops.take(frames, ops.nonzero(valid)[0], axis=0))
    return ops.take(seen, ops.cumsum(ops.cast(valid, "int32")) - 1, axis=0)


def _relative(x: "keras.KerasTensor", valid: "keras.KerasTensor") -> "keras.KerasTensor":
    """In what the features of each frame, (batch, frames, features), differ from the mean of the clip's valid ones, evened."""
    from keras import layers, ops

    there = ops.expand_dims(ops.cast(valid, x.dtype), -1)
    mean = ops.sum(x * there, axis=1, keepdims=True) / ops.sum(there, axis=1, keepdims=True)
    # .9: moving statistics that a short training reaches
    return layers.BatchNormalization(momentum=0.9, name="relative_bn")(x - mean, mask=valid)


def _features_of(backbone: str, image_size: int, weights: str | None, trainable: bool, hyper: dict[str, Any]) -> "keras.Model":
    """What a frame model's head judges, as a model named `backbone`."""
    import keras

    if model_facts(backbone).takes != "frame":
        raise ValueError(f"backbone: expected a model that takes frames, came {backbone!r}")
    frame = build(backbone, image_size=image_size, weights=weights, **hyper)
    trunk = keras.Model(frame.input, frame.get_layer("features").output, name="backbone")
    if not trainable:
        for part in (trunk, *(layer for layer in trunk.layers if layer.name == "base")):
            freeze(part)
    return trunk
