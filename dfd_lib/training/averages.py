"""Running averages of weights (Polyak and Juditsky 1992), with the moving statistics that belong to them.

Keras' optimizers average what they train, which moving statistics of batch
normalization are not: those that training leaves belong to its last weights. They
are estimated anew for the average, before it is scored. Averaging them at the same
momentum, as timm's `ModelEmaV2` does, costs nothing, but is right only where the
weights hardly move any more: of a MiniVGGNet trained from random weights for 240
steps, averaged at .99, it made an AUC of .93 where this makes one of 1.00. This costs
a MobileNetV2 on a processor a quarter of a step for each of some 50 batches an epoch.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from dfd_lib.models.normal import moving_statistics
from dfd_lib.training.update_bn import update_bn

if TYPE_CHECKING:
    import tensorflow as tf


class Averages:
    """What a model's weights are on average, to be put in their place for a while.

    There is nothing to save: the optimizer's variables hold the averages, and the
    statistics follow from them.

    Args:
        model: as `dfd_lib.training.objective.compiled` makes it.
        batches: of training data, as `dfd_lib.training.update_bn.some_batches` makes them; read only where statistics are estimated.
    """

    def __init__(self, model: keras.Model, batches: "Iterable[tf.Tensor]"):
        self._model, self._batches = model, batches
        self._estimated: tuple[int, list[np.ndarray]] | None = None

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, weights are their averages, if the optimizer keeps any; afterwards they and the statistics are themselves again."""
        if not self._model.optimizer.use_ema:
            yield
            return
        weights = self._model.trainable_variables
        variables = [*weights, *moving_statistics(self._model)]
        own = [variable.numpy() for variable in variables]
        try:
            self._model.optimizer.finalize_variable_values(weights)
            self._put_statistics()
            yield
        finally:
            for variable, value in zip(variables, own, strict=True):
                variable.assign(value)

    def _put_statistics(self) -> None:
        """Estimated once a step: an epoch's weights are scored, and perhaps kept."""
        step, statistics = int(self._model.optimizer.iterations), moving_statistics(self._model)
        if self._estimated is None or self._estimated[0] != step:
            update_bn(self._model, self._batches)
            self._estimated = step, [one.numpy() for one in statistics]
        for variable, value in zip(statistics, self._estimated[1], strict=True):
            variable.assign(value)
