"""A trained network -> ONNX, as a served detector runs it."""

import contextlib
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 18

LARGE = 4096
"""Arrays of at least so many numbers are kept at half precision; batch norm's statistics and biases are smaller and stay exact."""

HALF_MAX = float(np.finfo(np.float16).max)


def export_onnx(model: "keras.Model", *, half: bool = True) -> bytes:
    """Write a model as ONNX.

    Args:
        model: takes RGB 0..255 (batch, size, size, 3), or clips of them and which frames there are; gives P(fake) (batch, 1).
        half: keep large arrays at half precision, which halves the file. They
            are widened when the file is opened, so that all arithmetic is of
            32 bits; scores move by some 1e-4.

    Returns:
        The file's bytes. Input `pixels`, float32, of the model's shape; of a model
        of clips also `valid`, bool (batch, frames). Output `p_fake`, float32 (batch, 1).
    """
    import tensorflow as tf
    import tf2onnx

    names = ["pixels", "valid"][: len(model.inputs)]
    kinds = zip(names, model.inputs, (tf.float32, tf.bool), strict=False)
    signature = [tf.TensorSpec(one.shape, kind, name=name) for name, one, kind in kinds]

    def score(*inputs):
        return tf.identity(model(list(inputs) if len(inputs) > 1 else inputs[0], training=False), name="p_fake")

    graph = tf.function(score, input_signature=signature)
    with contextlib.redirect_stdout(io.StringIO()):
        proto, _ = tf2onnx.convert.from_function(graph, input_signature=signature, opset=OPSET)
    return (_halved(proto) if half else proto).SerializeToString()


def _halved(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """Large arrays at 16 bits, each followed by a cast to 32."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for place, array in enumerate(proto.graph.initializer):
        values = numpy_helper.to_array(array)
        if values.dtype != np.float32 or values.size < LARGE or np.abs(values).max() > HALF_MAX:
            continue
        name = array.name
        proto.graph.initializer[place].CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto
