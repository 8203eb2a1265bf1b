"""What training makes small: the loss of one unit or of two, penalties, and the optimizer that does it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfd_lib.experiment import Model
from dfd_lib.models.heads import ONE_UNIT, trained_output

if TYPE_CHECKING:
    import keras


def compiled(model: "keras.Model", config: Model, steps: int) -> "keras.Model":
    """A model of the same layers with optimizer and loss; `steps` is the number of updates in the whole run.

    The model itself stays without an optimizer, so that its saved weights are only weights.

    Args:
        model: gives P(fake), (batch, 1).
        config: its loss is of P(fake), or of both classes where the head has two
            units: then labels (batch, 1) become (1 - label, label).
        steps: updates in the whole run, over which a learning rate may fall.
    """
    output, two = trained_output(model, config.head), config.head != ONE_UNIT
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    trained = _penalized(config)(inputs, output, name=model.name)
    auc = _auc(two)(name="auc")
    trained.compile(optimizer=_optimizer(config, steps), loss=_of_classes(config) if two else config.loss, metrics=[auc])
    # left to the first step, this makes TensorFlow trace that step twice: 88 s instead of 45 for InceptionResNetV2 on one core
    trained.optimizer.build(trained.trainable_variables)
    return trained


def _optimizer(config: Model, steps: int) -> "keras.optimizers.Optimizer":
    import keras

    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    own = {"weight_decay": config.weight_decay} if config.optimizer == "adamw" and config.weight_decay is not None else {}
    settings = {"learning_rate": rate, "use_ema": config.averaged > 0, "ema_momentum": config.averaged, **own}
    return keras.optimizers.get({"class_name": config.optimizer, "config": settings})


def _penalized(config: Model) -> type["keras.Model"]:
    """A model whose loss has `weight_decay / 2 * sum(w**2)` of all weights in it, biases too.

    Its gradient is `weight_decay * w`, which is what weight decay is in PyTorch's
    Adam and in plain SGD; AdamW has its own.
    """
    import keras
    import tensorflow as tf
    from keras import ops

    decay = config.weight_decay
    if not decay or config.optimizer == "adamw":
        return keras.Model

    class Decayed(keras.Model):
        def compute_loss(self, *args, **kwargs):
            squares = [ops.sum(ops.square(ops.cast(one, "float32"))) for one in self.trainable_variables]
            # each of several GPUs adds it, and their gradients are summed
            share = decay / 2 / tf.distribute.get_strategy().num_replicas_in_sync
            return super().compute_loss(*args, **kwargs) + share * sum(squares)

    return Decayed


def _of_classes(config: Model) -> Callable[["keras.KerasTensor", "keras.KerasTensor"], "keras.KerasTensor"]:
    """A loss of both classes, from labels (batch, 1)."""
    import keras
    from keras import ops

    loss, softmax = keras.losses.get(config.loss), config.head == "softmax"

    def judged(label, classes):
        if softmax and config.loss == "binary_crossentropy":
            classes = ops.multiply(classes, 1.0)  # else Keras finds the softmax's logits and takes them for those of sigmoids
        return loss(ops.concatenate([1 - label, label], axis=-1), classes)

    return judged


def _auc(two: bool) -> type["keras.metrics.AUC"]:
    """The AUC of P(fake), from one unit or from both classes; a soft label counts as the class that it is nearer to."""
    import keras
    from keras import ops

    class SoftAUC(keras.metrics.AUC):
        def update_state(self, y_true, y_pred, sample_weight=None):
            if two:
                y_pred = ops.divide_no_nan(y_pred[:, 1:], ops.sum(y_pred, axis=-1, keepdims=True))
            # Keras takes all that is not 0 for positive
            return super().update_state(ops.greater_equal(y_true, 0.5), y_pred, sample_weight)

    return SoftAUC
