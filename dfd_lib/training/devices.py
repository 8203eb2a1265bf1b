"""Which processors train: all GPUs of the machine where it has several, its only GPU, or the CPU."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


@cache  # what belongs to one run must lie in one scope
def strategy() -> "tf.distribute.Strategy":
    """How training is shared among the machine's GPUs.

    Every GPU of several holds a copy of the network and takes its share of each
    batch; gradients are summed, so a run learns what it would learn on one GPU
    with the same `batch_size`, but for rounding and for batch normalization,
    whose statistics are those of each GPU's share. CUDA_VISIBLE_DEVICES hides
    GPUs from a run.
    """
    import tensorflow as tf

    found = accelerators()
    return tf.distribute.MirroredStrategy(found) if len(found) > 1 else tf.distribute.get_strategy()


def accelerators() -> list[str]:
    """TensorFlow's names of the GPUs that this process may use."""
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU")]


def devices() -> str:
    """What training runs on, in words: `CPU`, `NVIDIA H100`, `4 x NVIDIA A100`."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    names = {tf.config.experimental.get_device_details(device).get("device_name", "GPU") for device in found}
    if not found:
        return "CPU"
    return (f"{len(found)} x " if len(found) > 1 else "") + " and ".join(sorted(names))
