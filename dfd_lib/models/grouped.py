"""A grouped convolution that is fast on a processor and exports to ONNX."""

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="dfd_lib")
class GroupedConv2D(layers.Layer):
    """A convolution whose output channels each see one group of the input's channels; no bias.

    Split the channels, convolve each group with its slice of one kernel,
    concatenate. Keras' own `Conv2D(groups=...)` computes the same, but on
    TensorFlow's CPU a training step of it takes a hundred times as long as a
    dense convolution, and its ONNX export cannot be loaded.

    Args:
        filters: channels of the output, a multiple of `groups`.
        kernel_size: side of the kernel.
        groups: into how many parts the channels are divided.
        strides: step in both directions.
        padding: `valid` or `same`.
        kernel_initializer: draws the kernel, (side, side, channels / groups,
            filters) as in `Conv2D`.
        **options: of every Keras layer, such as `name`.

    Raises:
        ValueError: channels or filters cannot be divided into so many groups.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        groups: int,
        strides: int = 1,
        padding: str = "valid",
        kernel_initializer: Any = "he_normal",
        **options: Any,
    ):
        super().__init__(**options)
        if filters % groups:
            raise ValueError(f"filters: expected a multiple of the {groups} groups, came {filters}")
        self.filters, self.kernel_size, self.groups, self.strides, self.padding = filters, kernel_size, groups, strides, padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(f"{self.name}: expected channels that {self.groups} groups can share, came {channels}")
        shape = (self.kernel_size, self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)

    def call(self, inputs):
        """(batch, height, width, channels) -> (batch, height', width', filters)."""
        parts = zip(ops.split(inputs, self.groups, axis=-1), ops.split(self.kernel, self.groups, axis=-1), strict=True)
        return ops.concatenate([ops.conv(part, kernel, self.strides, self.padding) for part, kernel in parts], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        sides = [side if side is None else self._length(side) for side in input_shape[1:3]]
        return (input_shape[0], *sides, self.filters)

    def _length(self, side: int) -> int:
        inside = side if self.padding == "same" else side - self.kernel_size + 1
        return -(-inside // self.strides)

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("filters", "kernel_size", "groups", "strides", "padding")}
        return {**super().get_config(), **own, "kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
