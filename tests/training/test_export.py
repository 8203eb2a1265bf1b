import numpy as np
import onnxruntime
import pytest

from dfd_lib.explain.gradcam import grad_cam
from dfd_lib.models.registry import build
from dfd_lib.training.export import export_onnx


def served(network, crops):
    return onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"]).run(None, {"pixels": crops.astype(np.float32)})[0]


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(1)
    return build("meso4", image_size=32)


CROPS = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), np.uint8)


def test_an_exported_network_says_what_the_model_says(model):
    network = export_onnx(model, half=False)
    assert served(network, CROPS) == pytest.approx(model.predict(CROPS, verbose=0), abs=1e-5)
    half = export_onnx(model)
    assert served(half, CROPS) == pytest.approx(model.predict(CROPS, verbose=0), abs=2e-3)


def test_half_precision_halves_large_arrays_alone():
    import onnx

    large, small = export_onnx(build("lenet", image_size=32), half=False), export_onnx(build("lenet", image_size=32))
    assert len(small) < 0.55 * len(large)
    kinds = {array.data_type for array in onnx.load_from_string(small).graph.initializer}
    assert {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16} <= kinds


def test_grad_cam_finds_the_only_place_that_counts():
    import keras
    from keras import layers

    pixels = layers.Input((16, 16, 3))
    seen = layers.Conv2D(1, 1, use_bias=False, name="last")(pixels)
    model = keras.Model(pixels, layers.Dense(1, "sigmoid")(layers.GlobalMaxPooling2D()(seen)))
    model.layers[1].set_weights([np.ones((1, 1, 3, 1)) / 255])
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    crop = np.zeros((1, 16, 16, 3), np.uint8)
    crop[0, 4, 11] = 255
    (heat,) = grad_cam(model, crop)
    assert np.unravel_index(heat.argmax(), heat.shape) == (4, 11) and heat.max() == 1
    assert heat.sum() == pytest.approx(1)


def test_grad_cam_by_hand(model):
    """Against the formula with gradients by finite differences of the last convolution's output."""
    import keras

    last = [layer for layer in model.layers if len(layer.output.shape) == 4][-1]
    seen = keras.Model(model.inputs, last.output).predict(CROPS[:1], verbose=0)
    rest = keras.Model(last.output, model.output)

    def logit(values):
        p = rest.predict(values, verbose=0).astype(float)[:, 0]
        return np.log(p / (1 - p))

    step, base = 1e-2, logit(seen)[0]
    moved = np.repeat(seen, seen[0].size, axis=0)
    for place, one in enumerate(moved.reshape(len(moved), -1)):
        one[place] += step
    gradient = ((logit(moved) - base) / step).reshape(seen.shape[1:])
    expected = np.maximum((seen[0] * gradient.mean(axis=(0, 1))).sum(axis=2), 0)
    heat = grad_cam(model, CROPS[:1])[0]
    if expected.max() == 0:
        assert heat.max() == 0
    else:
        top = np.unravel_index(expected.argmax(), expected.shape)
        assert heat[tuple((np.array(top) * 32 + 16) // expected.shape[0])] > 0.5


def test_an_unknown_layer_is_refused(model):
    with pytest.raises(ValueError, match="expected a layer nothing with places"):
        grad_cam(model, CROPS, "nothing")


def test_a_served_clip_gets_the_score_that_keras_gives_it():
    """More crops than the model takes, just as many, and fewer: the same sampling, padding and masks on both sides."""
    import keras
    import pandas as pd

    from dfd_lib.detector.networks import Networks
    from dfd_lib.detector.spec import Member
    from dfd_lib.training.predict import predict

    keras.utils.set_random_seed(1)
    model = build("resnext_lstm_small", image_size=32, frames=4, units=8, backbone_hyper={"stages": (1,), "cardinality": 2})
    head = model.get_layer("logit")
    head.kernel.assign(head.kernel * 20)  # so that clips differ
    counts = {"long": 9, "whole": 4, "short": 2, "one": 1}
    names = [name for name, count in counts.items() for _ in range(count)]
    frames = [10 * place for count in counts.values() for place in range(count)]
    pixels = np.random.default_rng(1).integers(0, 256, (len(names), 32, 32, 3), np.uint8)
    pixels //= np.random.default_rng(2).integers(1, 5, (len(names), 1, 1, 1), np.uint8)
    facts = {"dataset": "d", "split": "test", "face": 0, "label": 1}
    manifest = pd.DataFrame({"video": names, "group": names, "frame": frames, "path": [str(row) for row in range(len(names))]}).assign(
        **facts
    )
    expected = predict(model, manifest, pixels, name="lstm").set_index("video")["p_fake"]
    assert expected.max() - expected.min() > 0.01
    opened = Networks([Member("lstm", "resnext_lstm_small", 32, "area", "", 4)], {"lstm": export_onnx(model)}, threads=1)
    for name in counts:
        crops = pixels[np.array(names) == name]
        came = opened.together(crops, opened.scores(crops), [np.arange(len(crops))], "mean")
        assert came[0, 0] == pytest.approx(expected[name], abs=1e-4)
