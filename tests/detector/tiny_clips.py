"""A network of clips that needs no training: brightness over the frames that are there, later ones counting more."""

from pathlib import Path

import numpy as np
import tiny_bundle
from onnx import TensorProto, helper, numpy_helper

from dfd_lib.detector.bundle import save_bundle
from dfd_lib.detector.networks import Networks, golden_scores
from dfd_lib.detector.spec import Member

FRAMES, SIDE = 4, 32


def network(frames: int = FRAMES, side: int = SIDE) -> bytes:
    """ONNX of sigmoid(mean of (place x mean brightness) over valid frames / 64 - 4), places counted from 1."""
    places = numpy_helper.from_array(np.arange(1, frames + 1, dtype=np.float32)[None], "places")
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "inside"], ["bright"], keepdims=0),
        helper.make_node("Cast", ["valid"], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["bright", "places"], ["weighted"]),
        helper.make_node("Mul", ["weighted", "there"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "time"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["there", "time"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Div", ["mean", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["p_fake"]),
    ]
    arrays = [
        places,
        numpy_helper.from_array(np.array([2, 3, 4], np.int64), "inside"),
        numpy_helper.from_array(np.array([1], np.int64), "time"),
        numpy_helper.from_array(np.float32([64]), "scale"),
        numpy_helper.from_array(np.float32([-4]), "bias"),
    ]
    inputs = [
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", frames, side, side, 3]),
        helper.make_tensor_value_info("valid", TensorProto.BOOL, ["n", frames]),
    ]
    graph = helper.make_graph(nodes, "clips", inputs, [helper.make_tensor_value_info("p_fake", TensorProto.FLOAT, ["n", 1])], arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def expected(crops, frames: int = FRAMES) -> float:
    """The same with NumPy, of one person's crops, `SIDE` px, in the order of time: the middles of equal parts, or all of few."""
    count = len(crops)
    rows = [(2 * step + 1) * count // (2 * frames) for step in range(frames)] if count > frames else range(count)
    bright = np.array([np.asarray(crops[row], float).mean() for row in rows])
    return float(1 / (1 + np.exp(4 - (bright * np.arange(1, len(bright) + 1)).mean() / 64)))


def write(path: Path, *, mixed: bool = True, **changes) -> Path:
    """A bundle of the network of clips, beside `bright` of single faces or alone."""
    networks = {"bright": tiny_bundle.network(), "clips": network()} if mixed else {"clips": network()}
    one = {"model": "lenet", "image_size": SIDE, "resize": "area"}
    members = [{"name": name, **one, **({"frames": FRAMES} if name == "clips" else {})} for name in networks]
    weights = [1 / len(members)] * len(members)
    facts = tiny_bundle.facts(members=members, photo=None, combination={"rule": "mean", "weights": weights}) | changes
    opened = Networks([Member(sha256="", **member) for member in members], networks, threads=1)
    faces = {**tiny_bundle.golden(), "drawn-5": tiny_bundle.golden()["drawn-3"][:, ::-1] // 2}
    if "golden" not in changes:
        facts["golden"] = dict(zip(faces, golden_scores(opened, [*faces.values()], "mean").tolist(), strict=True))
    return save_bundle(path, facts, networks, faces)
