"""Tuning as a step of an experiment: what a recipe asks for is searched, trained with, told; on one process and on several."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from dfd_lib import stages
from dfd_lib.experiment import parse_experiment
from dfd_lib.models.space import OF_TRAINING, searched_names
from dfd_lib.paths import report_dir
from dfd_lib.tables import read_table

BEST = {"trials": 4, "settings": {"learning_rate": 3e-4, "optimizer": "adamw", "hyper": {"width": 0.5}}}
DEMO = {"people": 24, "frames": 2, "difficulty": 0.1}
RECIPE = {"title": "X", "data": {"source": "demo"}, "demo": DEMO, "faces": {"frames": 1, "size": 32}}
SPLIT = {"train": 0.4, "val": 0.2, "calib": 0.2, "test": 0.2}


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    return parse_experiment({"name": "x", **RECIPE, "models": {"lenet": {"tune": {"trials": 4}}, "meso4": {}}})


def test_a_tuned_model_is_trained_with_what_its_search_found_and_its_twin_is_not(experiment):
    with pytest.raises(FileNotFoundError, match=r"expected best\.json, found none\. Search first \(`dfd tune`"):
        stages.model_settings(experiment, "lenet")
    folder = stages.search_dir(experiment, "lenet")
    folder.mkdir(parents=True)
    (folder / "best.json").write_text(json.dumps(BEST | {"recipe": {"model": "lenet", "tune": {}}}))
    tuned, twin = (stages.model_settings(experiment, name) for name in ("lenet", "lenet-default"))
    assert (tuned.learning_rate, tuned.optimizer, tuned.hyper, tuned.tune) == (3e-4, "adamw", {"width": 0.5}, None)
    assert (twin.learning_rate, twin.optimizer, twin.hyper, twin.model) == (1e-3, "adam", {}, "lenet")
    assert stages.tuned_models(experiment) == ["lenet"]


@pytest.mark.parametrize(("model", "said"), [("lenett", "did you mean 'lenet'"), ("meso4", "it tunes lenet")])
def test_a_model_without_a_search_is_refused(experiment, model, said):
    with pytest.raises(ValueError, match=f"experiment 'x': expected a model with `tune`, came '{model}'; .*{said}"):
        stages.tune(experiment, model)


def test_the_gains_are_written_where_something_was_tuned(experiment, tmp_path):
    folder = stages.search_dir(experiment, "lenet")
    folder.mkdir(parents=True)
    (folder / "best.json").write_text(json.dumps(BEST))
    fixed = {"level": "video", "condition": "clean"}
    both = [(name, split) for name in ("lenet", "lenet-default") for split in ("val", "test")]
    metrics = pd.DataFrame([{"model": name, "split": split, "auc": 0.7, **fixed} for name, split in both])
    pair = {"left": "lenet", "right": "lenet-default", "metric": "auc", "difference": 0.1, "low": 0.05, "high": 0.15, "p": 0.01}
    pair["significant"] = True
    table = stages.tuning_gains(experiment, metrics, pd.DataFrame([pair]))
    written = read_table(report_dir("x") / "tuning.csv")
    assert written["gain"].tolist() == table["gain"].tolist() == [0.1]
    assert "Tuning lenet (4 trials) bought +.100 (+.050 to +.150)" in (report_dir("x") / "tuning.txt").read_text()
    untuned = parse_experiment({"name": "y", **RECIPE, "models": {"meso4": {}}})
    assert stages.tuning_gains(untuned, metrics, pd.DataFrame([pair])).empty
    assert not report_dir("y").exists()


def test_the_names_of_a_space_are_listed_without_kerastuner():
    from dfd_lib.experiment import Model
    from dfd_lib.models.registry import list_models
    from dfd_lib.training.space import searched

    for name in list_models():
        assert searched_names(name) == [one.name for one in searched(Model(model=name)).space]
    assert searched_names("lenet")[-4:] == list(OF_TRAINING)
    assert subprocess.run([sys.executable, "-c", LIGHT], check=False).returncode == 0


LIGHT = """
import sys
from dfd_lib.models.space import searched_names
searched_names("resnet")
sys.exit(bool({"tensorflow", "keras_tuner", "keras"} & set(sys.modules)))
"""


# ---- the command, on one process and on several


def project(root, name="x", **tune):
    """A project with one tiny recipe, a LeNet at 32 px."""
    folder = root / "project" / "reports" / name
    folder.mkdir(parents=True, exist_ok=True)
    model = {"model": "lenet", "image_size": 32, "epochs": 2, "deterministic": True, "tune": {"trials": 4, "stop_poor": False, **tune}}
    (folder / "experiment.yaml").write_text(yaml.safe_dump({**RECIPE, "split": SPLIT, "models": {"lenet": model}}))
    return {**os.environ, "DFD_PROJECT": str(root / "project"), "DFD_OUT": str(root / "out"), "TF_CPP_MIN_LOG_LEVEL": "3"}


SPLIT_FIRST = "from dfd_lib import load_experiment, stages; stages.read_manifest(load_experiment('x'))"


def start(environment, **more):
    command = [sys.executable, "-m", "dfd_lib.cli", "tune", "x", "lenet"]
    return subprocess.Popen(command, env=environment | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, said = process.communicate()
    assert process.returncode == 0, said
    return out, said


def trials_of(root):
    return read_table(root / "out" / "reports" / "x" / "tuning" / "lenet" / "trials.csv").sort_values("trial", ignore_index=True)


def test_a_mistake_is_one_line(tmp_path):
    environment = project(tmp_path)
    command = [sys.executable, "-m", "dfd_lib.cli", "tune", "x", "meso4"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    assert "expected a model with `tune`, came 'meso4'" in run.stderr


@pytest.mark.slow
def test_a_search_killed_again_and_again_ends_as_an_undisturbed_one(tmp_path):
    out, said = finish(start(project(tmp_path / "calm")))
    assert "trial 4 of 4: AUC" in said
    assert "learning_rate" in out
    environment = project(tmp_path / "killed")
    for number in range(1, 5):
        victim = start(environment)
        runs = tmp_path / "killed" / "out" / "reports" / "x" / "tuning" / "lenet"
        while victim.poll() is None and len(list(runs.glob("*/trials/*/state.npz"))) + len(list(runs.glob("*/trials/*/run.json"))) < number:
            time.sleep(0.01)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
    finish(start(environment))
    one, other = trials_of(tmp_path / "calm"), trials_of(tmp_path / "killed")
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"))  # with op determinism, to the bit


@pytest.mark.slow
def test_a_chief_and_two_workers_try_what_one_process_tries(tmp_path):
    """Random search: trial n has the nth draw and the seed + n, whoever trains it. Tolerance: none with op determinism."""
    finish(start(project(tmp_path / "alone")))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = project(tmp_path / "shared") | {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
    subprocess.run([sys.executable, "-c", SPLIT_FIRST], env=environment, check=True)  # as the pipeline does
    group = [start(environment, KERASTUNER_TUNER_ID=name) for name in ("chief", "tuner0", "tuner1")]
    said = [finish(one)[1] for one in group]
    counts = [text.count("trial ") for text in said[1:]]
    assert sum(counts) == 4
    assert min(counts) >= 1  # both worked
    one, other = trials_of(tmp_path / "alone"), trials_of(tmp_path / "shared")
    pd.testing.assert_frame_equal(one.drop(columns=["seconds", "val_auc"]), other.drop(columns=["seconds", "val_auc"]))
    np.testing.assert_allclose(one["val_auc"], other["val_auc"], atol=1e-9)
