"""Two ways to score: which one is taken, and that they agree."""

import numpy as np
import pytest

from dfd_lib.data.cache import entries
from dfd_lib.models.registry import build
from dfd_lib.training.predict import p_fake
from dfd_lib.training.scoring import WORTH, faster_step, frozen_step, has_depthwise, onnx_step


def test_onnx_scores_as_keras_and_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    model = build("mobilenet_v2", image_size=32, width=0.35, bn_momentum=0.0)
    model(pixels, training=True)  # statistics of these crops; without them all features are nearly 0
    head = model.get_layer("logit")
    head.kernel.assign(head.kernel / 4)  # noise, normalized by itself, gives features larger than those of faces
    plain = p_fake(model, pixels, np.arange(70))
    assert np.ptp(plain) > 0.02
    np.testing.assert_allclose(p_fake(model, pixels, np.arange(70), onnx_step(model)), plain, atol=1e-5)
    monkeypatch.setattr("dfd_lib.training.scoring.export_onnx", None)
    onnx_step(model)
    assert [entry.path.suffix for entry in entries()] == [".onnx"]
    head.bias.assign([0.5])
    with pytest.raises(TypeError):  # other weights must be written anew
        onnx_step(model)


@pytest.mark.parametrize(("name", "expected"), [("lenet", False), ("mobilenet_v2", True)])
def test_depthwise_networks_alone_leave_tensorflow(name, expected, monkeypatch):
    model = build(name, image_size=32)
    assert has_depthwise(model) is expected
    monkeypatch.setattr("dfd_lib.training.scoring.onnx_step", lambda model, threads: "onnx")
    assert (faster_step(model, WORTH) == "onnx") is expected
    assert faster_step(model, WORTH - 1) is None
    monkeypatch.setattr("dfd_lib.training.scoring.accelerators", lambda: ["GPU:0"])
    assert faster_step(model, WORTH) is None


@pytest.mark.parametrize("name", ["lenet", "meso4"])
def test_constant_weights_score_as_keras_whatever_the_batch(name):
    model = build(name, image_size=32)
    pixels = np.random.default_rng(2).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    truth, step = model.predict(pixels, verbose=0), frozen_step(model)
    for rows in (9, 4, 1):
        np.testing.assert_allclose(step(pixels[:rows]), truth[:rows], atol=1e-6)
