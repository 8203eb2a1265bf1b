"""Several devices train one network: it learns what one device would have taught it, and a kill does not matter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dfd_lib.training.runs import read_run

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import tensorflow as tf
from dfd_lib.training import devices
from dfd_lib.training.state import Recorder
from test_fit import LENET, fit, write_crops

count, epochs = {count}, {epochs}
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * count)
devices.accelerators = lambda: [device.name for device in tf.config.list_logical_devices("CPU")]
root = Path({root!r})
config = LENET.model_copy(update={{"epochs": 3, "hyper": {{"dropout": 0.0}}, "weight_decay": 0.01}})
if epochs < 3:  # end as a kill does, after so many epochs
    plain = Recorder.on_epoch_end
    def on_epoch_end(self, epoch, logs):
        plain(self, epoch, logs)
        if epoch + 1 == epochs:
            import os
            os._exit(9)
    Recorder.on_epoch_end = on_epoch_end
{settings}
fit(write_crops(root), root, config, name="lenet", seed=3, out=root / "run", verbose=0)
print(devices.strategy().num_replicas_in_sync)
"""

FROZEN_FIRST = """
import keras
from dfd_lib.models import registry
from dfd_lib.models.bases import to_unit_ball, transfer

def small(include_top, weights, input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs))

registry.build = lambda *_, **__: transfer("small", small, to_unit_ball, 32, None)
config = config.model_copy(update={"model": "mobilenet_v2", "frozen_epochs": 2, "hyper": {}, "learning_rate": 0.01})
"""


def train(root, count, epochs=3, settings=""):
    root.mkdir(exist_ok=True)
    code = SCRIPT.format(tests=str(Path(__file__).parent), root=str(root), count=count, epochs=epochs, settings=settings)
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "DFD_OUT": str(root)}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_two_devices_learn_what_one_does(tmp_path):
    done = {count: train(tmp_path / str(count), count) for count in (1, 2)}
    assert [one.stdout.split()[-1] for one in done.values()] == ["1", "2"], done[2].stderr
    assert train(tmp_path / "killed", 2, epochs=2).returncode == 9
    assert len(json.loads(str(np.load(tmp_path / "killed" / "run" / "state.npz")["history"]))) == 2
    assert train(tmp_path / "killed", 2).returncode == 0
    one, two, killed = (read_run(tmp_path / name / "run") for name in ("1", "2", "killed"))
    for other in (two, killed):
        np.testing.assert_allclose(other.history["loss"], one.history["loss"], rtol=1e-3)
        np.testing.assert_allclose(other.predictions["p_fake"], one.predictions["p_fake"], atol=5e-4)
    assert np.ptp(one.predictions["p_fake"]) > 0.02
    assert one.facts["devices"] == "CPU"


@pytest.mark.slow
def test_two_devices_teach_a_head_alone_what_one_does(tmp_path):
    done = {count: train(tmp_path / str(count), count, settings=FROZEN_FIRST) for count in (1, 2)}
    assert [one.stdout.split()[-1:] for one in done.values()] == [["1"], ["2"]], done[2].stderr
    one, two = (read_run(tmp_path / name / "run") for name in ("1", "2"))
    np.testing.assert_allclose(two.history["loss"], one.history["loss"], rtol=1e-3)
    np.testing.assert_allclose(two.predictions["p_fake"], one.predictions["p_fake"], atol=5e-4)
    assert np.ptp(one.predictions["p_fake"]) > 0.005
