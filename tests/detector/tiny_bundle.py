"""A detector that needs no training: its networks say how bright, or how red, a crop is."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dfd_lib.data.crops import cut
from dfd_lib.data.demo import draw_portrait
from dfd_lib.detector.bundle import save_bundle
from dfd_lib.detector.networks import Networks
from dfd_lib.detector.spec import FORMAT, POSITIVE, Member, parse_spec

MEASURED = {"n": 400, "auc": 0.75, "auc_low": 0.7, "auc_high": 0.8, "accuracy": 0.68, "accuracy_low": 0.6, "accuracy_high": 0.7}
"""What a card tells of a data set."""

BRIGHT, RED = (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, 0.0)


def network(colours=BRIGHT, side: int = 32) -> bytes:
    """ONNX of sigmoid(weighted mean colour / 32 - 4)."""
    weights = numpy_helper.from_array(np.array(colours, np.float32)[:, None] / 32, "weights")
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["sum"]),
        helper.make_node("Add", ["sum", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["p_fake"]),
    ]
    arrays = [weights, numpy_helper.from_array(np.array([1, 2], np.int64), "axes"), numpy_helper.from_array(np.float32([-4]), "bias")]
    shapes = ("pixels", ["n", side, side, 3]), ("p_fake", ["n", 1])
    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in shapes)
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def expected(crops, colours=BRIGHT, side: int = 32) -> np.ndarray:
    """The same with NumPy, of crops that are `side` px already."""
    mean = np.asarray(crops, float).mean(axis=(1, 2)) @ np.array(colours)
    return 1 / (1 + np.exp(4 - mean / 32))


def judgement(real_limit: float = 0.6, fake_limit: float = 0.4) -> dict:
    return {
        "calibration": {"method": "temperature", "slope": 0.5},
        "threshold": 0.5,
        "conformal": [{"error_rate": 0.1, "real_limit": real_limit, "fake_limit": fake_limit}],
        "share_fake": 0.5,
    }


def facts(**changes) -> dict:
    """What detector.json holds, but for the golden scores."""
    member = {"model": "lenet", "image_size": 32, "resize": "area"}
    return {
        "format": FORMAT,
        "positive": POSITIVE,
        "name": "tiny",
        "title": "Brightness",
        "members": [{"name": "bright", **member}, {"name": "red", **member}],
        "combination": {"rule": "mean", "weights": [0.5, 0.5], "bias": 0.0, "thresholds": None},
        "aggregator": "mean",
        "crop": {"margin": 0.3, "size": 64},
        "faces": "auto",
        "frames": 6,
        "error_rate": 0.1,
        "photo": judgement(),
        "clip": judgement(),
        "golden": {"drawn-3": [0.5, 0.5]},
        **changes,
    }


def told() -> dict:
    """Facts for a card with all of its tables."""
    numbers = {"crops": 7200, "fakes": 3600, "clips": 7200, "groups": 2967}
    change = {"condition": "resize-25", "auc_change": -0.1, "auc_change_low": -0.15, "auc_change_high": -0.05}
    metrics = {
        "test": [{"level": "frame", **MEASURED}, {"level": "video", **MEASURED}],
        "cross": [{"dataset": "another", **MEASURED}],
        "robustness": [{**MEASURED, **change}],
        "verdicts": [{"level": "frame", "promised": 0.1, "error_real": 0.122, "error_fake": 0.115, "unsure": 0.308}],
    }
    return {"metrics": metrics, "data": {"dataset": "drawn", "about": "Drawn faces.", "parts": {"train": numbers, "test": numbers}}}


def networks() -> dict[str, bytes]:
    return {"bright": network(), "red": network(RED)}


def golden(size: int = 64) -> dict[str, np.ndarray]:
    spec = parse_spec({**facts(), "members": [{**one, "sha256": "0" * 64} for one in facts()["members"]]})
    return {"drawn-3": cut(draw_portrait(3, 256), (70, 50, 110, 140), spec.crop)}


def write(path: Path, **changes) -> Path:
    """A whole bundle with its true golden scores."""
    told = facts(**changes)
    members = [Member(one["name"], one["model"], one["image_size"], one["resize"], "") for one in told["members"]]
    opened, faces = Networks(members, networks(), threads=1), golden()
    told["golden"] = (
        {name: opened.scores(pixels[None])[0].tolist() for name, pixels in faces.items()} if "golden" not in changes else changes["golden"]
    )
    return save_bundle(path, told, networks(), faces)
