"""Frozen first, then unfrozen: the head of a transfer model learns alone before all of it does.

A new head gives large gradients, which would undo what the base knows. Its
features are computed once, so these epochs take seconds. Only what comes after
them is resumed: a run that was stopped before its first whole epoch begins anew.
"""

from typing import TYPE_CHECKING

import numpy as np

from dfd_lib.data.pixels import training_batches
from dfd_lib.experiment import Model
from dfd_lib.training.devices import strategy
from dfd_lib.training.objective import compiled
from dfd_lib.training.sources import source
from dfd_lib.training.targets import Shown

if TYPE_CHECKING:
    import keras

FASTER = 10
"""So many times the learning rate of the whole model has the head alone, constantly."""


def warm_up(model: "keras.Model", pixels: np.memmap, each: Shown, config: Model, seed: int) -> None:
    """Train the head of a transfer model on the features of its frozen base, for `frozen_epochs`.

    Args:
        model: with a layer `base`; its head is changed.
        pixels: of all crops.
        each: what an epoch shows; fakes made on the fly are left out.
        config: how the model is trained.
        seed: of shuffling.

    Raises:
        ValueError: the model has no base, or there are no fakes but those made on the fly.
    """
    if config.self_blended == "alone":
        raise ValueError(
            f"{config.model}: frozen_epochs: expected fakes of the data's own, came self_blended: alone. Leave one of both out."
        )
    base = next((layer for layer in model.layers if layer.name == "base"), None)
    if base is None or not base.trainable_weights:
        what = "a frozen one" if base is not None else "none"
        raise ValueError(
            f"{config.model}: frozen_epochs: expected a transfer model with a base to train, came {what}. Leave frozen_epochs out."
        )
    changes = {"epochs": config.frozen_epochs, "self_blended": "no", "schedule": "constant", "averaged": 0, "patience": None}
    alone = config.model_copy(update={**changes, "learning_rate": FASTER * config.learning_rate})
    base.trainable = False
    try:
        _train(model, pixels, each, alone, seed)
    finally:
        base.trainable = True


def _train(model: "keras.Model", pixels: np.memmap, each: Shown, alone: Model, seed: int) -> None:
    own = ~each.blended
    steps = max(1, int(own.sum()) // alone.batch_size)
    with strategy().scope():
        data = source(model, pixels, np.unique(each.rows), alone)
        trained = compiled(data.network, alone, steps * alone.epochs)
    how = {"batch_size": alone.batch_size, "epochs": range(alone.epochs), "seed": seed, "augment": data.augment}
    batches = training_batches(data.versions, each.rows[own], each.labels[own], weights=each.weights[own], **how)
    trained.fit(batches, epochs=alone.epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
