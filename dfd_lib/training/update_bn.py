"""Moving statistics of weights that no training step has seen, such as a mean of several networks' weights.

Batch normalization in use takes the mean and variance of what comes into it
from moving statistics. Those belong to the weights before it: the mean of two
networks' statistics is not what comes out of the mean of their weights. Izmailov
et al. 2018, "Averaging weights leads to wider optima and better generalization",
UAI, section 3.2: run over training data once more, and estimate them anew.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dfd_lib.data.pixels import training_batches
from dfd_lib.experiment import Model
from dfd_lib.models.normal import moving_statistics, normalizations
from dfd_lib.training.targets import Shown

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

CROPS = 1600
"""So many are enough: their mean is known to a fortieth of their spread."""


def some_batches(versions: np.ndarray | Sequence[np.ndarray], each: Shown, config: Model, seed: int) -> "tf.data.Dataset":
    """Batches of up to about `CROPS` training crops, the same each time, as the first epoch of a training shows them.

    They are changed at random as in training: it is of changed crops that the moving statistics of a trained network are.

    Args:
        versions: of the crops, or their features, as `dfd_lib.data.pixels.training_batches` takes them.
        each: what an epoch shows.
        config: how the network is trained.
        seed: of the choice and of the changes.
    """
    how = {"batch_size": config.batch_size, "epochs": range(1), "seed": seed, "augment": config.augment}
    batches = training_batches(versions, each.rows, each.labels, weights=each.weights, blended=each.blended, **how)
    crops_in_one = config.batch_size * int(np.prod(each.rows.shape[1:]))
    return batches.take(-(-CROPS // crops_in_one)).map(lambda inputs, *_: inputs)


def update_bn(network: "keras.Model", batches: "Iterable[tf.Tensor]") -> None:
    """Estimate the moving statistics of a network's batch normalizations from batches of training data.

    Each becomes the mean over the batches of what the layer saw in them, as in
    PyTorch's function of this name; the variance is the biased one, which Keras
    keeps. Layers that are frozen keep theirs. Nothing else changes: dropout and the
    like work as in training, and their random states are put back.

    Args:
        network: without batch normalization it stays as it is.
        batches: of what the network takes, all of one size.

    Raises:
        ValueError: there is no batch.
    """
    layers, statistics = normalizations(network), moving_statistics(network)
    if not layers:
        return
    others = [one for one in network.variables if not one.trainable and all(one is not other for other in statistics)]
    before, momenta = [one.numpy() for one in others], [layer.momentum for layer in layers]
    seen = []
    try:
        for layer in layers:
            layer.momentum = 0.0  # a moving statistic is then that of the last batch
        for inputs in batches:
            _step(network)(inputs)
            seen.append([one.numpy() for one in statistics])
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for variable, value in zip(others, before, strict=True):
            variable.assign(value)
    if not seen:
        raise ValueError("update_bn: expected batches of training data, came none. Give at least one.")
    for variable, values in zip(statistics, zip(*seen, strict=True), strict=True):
        variable.assign(np.mean(values, axis=0, dtype=np.float64))


@lru_cache(maxsize=1)
def _step(network: "keras.Model") -> Callable[["tf.Tensor"], "tf.Tensor"]:
    """Traced once, which takes seconds for a large network, at a momentum of 0."""
    import tensorflow as tf

    return tf.function(lambda inputs: network(inputs, training=True))
