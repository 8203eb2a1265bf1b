"""Models of clips: it is time that they look at, not the batch, and never the padding."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from dfd_lib.models.blocks import frames_of, side_of
from dfd_lib.models.features import features, head
from dfd_lib.models.registry import build, list_models, model_facts
from dfd_lib.models.weights import load_model

SMALL = {"image_size": 32, "frames": 4, "units": 8, "backbone_hyper": {"stages": (1,), "cardinality": 2}}
CLIP_MODELS = [name for name in list_models() if model_facts(name).takes == "clip"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return build("resnext_lstm_small", **SMALL)


@pytest.fixture
def clips():
    """Three clips of four frames, and which of them are there."""
    pixels = np.random.default_rng(1).integers(0, 256, (3, 4, 32, 32, 3), dtype=np.uint8)
    return pixels, np.ones((3, 4), bool)


def logits(model, pixels, valid):
    return keras.Model(model.inputs, model.get_layer("logit").output)([pixels, valid]).numpy()[:, 0]


def test_clip_models_are_there():
    assert CLIP_MODELS == ["resnext_lstm", "resnext_lstm_small"]
    assert [model_facts(name).frames for name in CLIP_MODELS] == [10, 8]
    assert all(model_facts(name).frames == 1 for name in list_models() if model_facts(name).takes == "frame")


def test_takes_uint8_or_float_and_answers_a_probability(model, clips):
    assert (side_of(model), frames_of(model)) == (32, 4)
    answers = model([*clips]).numpy()
    assert answers.dtype == np.float32
    assert answers.shape == (3, 1)
    assert ((answers > 0) & (answers < 1)).all()
    np.testing.assert_array_equal(answers, model([clips[0].astype(np.float32), clips[1]]))


def test_permuting_the_batch_permutes_the_answers(model, clips):
    answers = logits(model, *clips)
    assert len(np.unique(answers)) == 3
    order = [2, 0, 1]
    np.testing.assert_allclose(logits(model, clips[0][order], clips[1]), answers[order], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(logits(model, clips[0][1:2], clips[1][1:2]), answers[1:2], rtol=1e-5, atol=1e-7)


def test_permuting_the_frames_changes_the_answer(model, clips):
    answers = logits(model, *clips)
    for order in ([3, 2, 1, 0], [1, 0, 2, 3]):
        assert (np.abs(logits(model, clips[0][:, order], clips[1]) - answers) > 1e-6).all()


def test_padding_changes_nothing(model, clips):
    pixels, valid = clips
    valid[1, 2:] = False
    answers = logits(model, pixels, valid)
    padded = pixels.copy()
    padded[1, 2:] = 255
    np.testing.assert_array_equal(logits(model, padded, valid), answers)
    short = build("resnext_lstm_small", **{**SMALL, "frames": 2})
    short.set_weights(model.get_weights())
    np.testing.assert_allclose(logits(short, pixels[1:2, :2], np.ones((1, 2), bool)), answers[1:2], rtol=1e-5, atol=1e-7)
    padded[1, 0] = 255
    assert logits(model, padded, valid)[1] != answers[1]


def test_padding_does_not_enter_the_batch_statistics_of_training(clips):
    """Batch normalization after a step of training is as if the trunk had been shown the valid frames alone."""
    pixels, valid = clips
    valid[0, 1:], valid[2, 3:] = False, False
    left = []
    for fill in (0, 255):  # Meso-4 has batch normalization and is quickly built
        keras.utils.set_random_seed(1)
        model = build("resnext_lstm_small", **{**SMALL, "backbone": "meso4", "backbone_hyper": {"dropout": 0.0}})
        before = model.get_layer("backbone").get_weights()
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="binary_crossentropy", run_eagerly=True)
        padded = np.where(valid[..., None, None, None], pixels, fill).astype(np.float32)
        left.append((model.train_on_batch([padded, valid], np.array([0, 1, 0])), model.get_layer("backbone").get_weights()))
    alone = model.get_layer("backbone")
    alone.set_weights(before)
    alone(pixels[valid].astype(np.float32), training=True)
    assert left[0][0] == left[1][0], "its loss"
    assert any(not np.array_equal(one, was) for one, was in zip(alone.get_weights(), before, strict=True))
    for dark, bright, expected in zip(left[0][1], left[1][1], alone.get_weights(), strict=True):
        np.testing.assert_array_equal(dark, bright)
        np.testing.assert_allclose(dark, expected, rtol=1e-4, atol=1e-6)


def test_it_recurs_over_time_with_biases(model, clips):
    """Each step sees the frame's features and what the steps before left: computed by hand from the published equations."""
    trunk = features(build("resnext_small", image_size=32, **SMALL["backbone_hyper"]))
    trunk.set_weights(model.get_layer("backbone").get_weights())
    kernel, recurrent, bias = model.get_layer("lstm").get_weights()
    assert (bias != 0).any()  # the forget gate begins at 1

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    seen, state, cell = [], np.zeros((3, 8)), np.zeros((3, 8))
    for step in range(4):
        gates = trunk(clips[0][:, step]).numpy() @ kernel + state @ recurrent + bias
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
        state = sigmoid(leave) * np.tanh(cell)
        seen.append(state)
    np.testing.assert_allclose(features(model)([*clips]), np.mean(seen, axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(head(model)(features(model)([*clips])), model([*clips]), rtol=1e-5)


def test_relative_features_tell_change_and_not_who_is_seen(clips, tmp_path):
    """By hand: what a frame's features differ from the mean of its clip's valid ones; a clip that stands still is none."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs ONNX Runtime, by which detectors run")
    keras.utils.set_random_seed(1)
    model = build("resnext_lstm_small", **SMALL, relative=True)
    pixels, valid = clips[0].astype(np.float32), clips[1]
    valid[2, 3:] = False
    seen = np.stack([model.get_layer("backbone")(frame).numpy() for frame in pixels])
    given = keras.Model(model.inputs, model.get_layer("relative_bn").output)([pixels, valid]).numpy() * np.sqrt(1.001)  # its variance is 1
    np.testing.assert_allclose(given[0], seen[0] - seen[0].mean(0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(given[2, :3], seen[2, :3] - seen[2, :3].mean(0), rtol=1e-3, atol=1e-4)
    still = np.repeat(pixels[:, :1], 4, axis=1)
    assert np.ptp(logits(model, still, np.ones_like(valid))) < 1e-4 < np.ptp(logits(model, pixels, np.ones_like(valid)))
    expected = model([pixels, valid]).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, about NumPy
        model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    answers = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"pixels": pixels, "valid": valid})[0]
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_padding_never_enters_the_statistics_of_relative_features(clips):
    left = []
    for filler in (0, 255):
        keras.utils.set_random_seed(1)
        model = build("resnext_lstm_small", **{**SMALL, "backbone": "lenet", "backbone_hyper": {"dense": 6}}, relative=True)
        pixels, valid = clips[0].astype(np.float32), np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], bool)
        pixels[~valid] = filler
        model([pixels, valid], training=True)
        left.append(model.get_layer("relative_bn").get_weights())
    trunk = model.get_layer("backbone")(pixels[valid]).numpy()
    apart = np.concatenate([part - part.mean(0) for part in np.split(trunk, [4, 6])])
    for dark, bright in zip(*left, strict=True):
        np.testing.assert_array_equal(dark, bright)
    np.testing.assert_allclose(left[0][3], 0.9 + 0.1 * apart.var(0), rtol=1e-3)


def test_saved_and_exported_it_answers_the_same(model, clips, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs ONNX Runtime, by which detectors run")
    pixels, valid = clips[0].astype(np.float32), clips[1]
    valid[2, 1:] = False
    answers = model([pixels, valid]).numpy()
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "model.keras")([pixels, valid]), answers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, about NumPy
        model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(session.run(None, {"pixels": pixels, "valid": valid})[0], answers, atol=1e-6)


@pytest.mark.parametrize("train", [True, False])
def test_any_frame_model_is_a_backbone_frozen_or_not(train, clips):
    keras.utils.set_random_seed(1)
    model = build("resnext_lstm_small", **{**SMALL, "backbone": "lenet", "backbone_hyper": {"dense": 6}, "train_backbone": train})
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    before = {weight.path: weight.numpy() for weight in model.weights}
    model.train_on_batch([*clips], np.array([0, 1, 0]))
    changed = {weight.path for weight in model.weights if not np.array_equal(weight.numpy(), before[weight.path])}
    of_backbone = {weight.path for weight in model.get_layer("backbone").weights}
    assert bool(changed & of_backbone) == train
    assert {weight.path for weight in model.get_layer("lstm").weights} <= changed


def test_a_backbone_may_come_with_its_own_training(clips, tmp_path):
    frame = build("resnext_small", image_size=32, **SMALL["backbone_hyper"])
    frame.save_weights(tmp_path / "best.weights.h5")
    model = build("resnext_lstm_small", **SMALL, backbone_weights=str(tmp_path / "best.weights.h5"))
    np.testing.assert_array_equal(model.get_layer("backbone")(clips[0][0]), features(frame)(clips[0][0]))


def test_a_backbone_of_clips_or_without_frames_is_refused():
    with pytest.raises(ValueError, match="backbone: expected a model that takes frames, came 'resnext_lstm'"):
        build("resnext_lstm_small", backbone="resnext_lstm")
    with pytest.raises(ValueError, match="frames: expected 1 or more, came 0"):
        build("resnext_lstm_small", frames=0)
    with pytest.raises(ValueError, match=r"'lenett': unknown; did you mean 'lenet'\?"):
        build("resnext_lstm_small", backbone="lenett")


FULL_SIZE = """
import resource, time
import numpy as np
from dfd_lib.models.registry import build

model = build("resnext_lstm")
clip = [np.zeros((1, 10, 112, 112, 3), np.uint8), np.ones((1, 10), bool)]
model.compile(optimizer="adam", loss="binary_crossentropy")
for what, step in (("prediction", lambda: model.predict_on_batch(clip)), ("training", lambda: model.train_on_batch(clip, np.ones((1, 1))))):
    step()  # traces the graph
    start = time.perf_counter()
    step()
    print(what, f"{time.perf_counter() - start:.2f}", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_the_full_size_trains_and_predicts_a_clip_on_a_laptop():
    """Ten frames of 112 px; run it with -s for seconds and GiB."""
    done = subprocess.run([sys.executable, "-c", FULL_SIZE], capture_output=True, text=True, check=True)
    print(done.stdout)  # noqa: T201
    peaks = {line.split()[0]: float(line.split()[2]) for line in done.stdout.splitlines()}
    assert peaks["prediction"] < 2
    assert peaks["training"] < 4
