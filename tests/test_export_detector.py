"""What a detector is made of: which models, and what its card tells of other data. Tables in, tables out."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import dfd_lib
from dfd_lib import stages
from dfd_lib.detector.bundle import load_bundle
from dfd_lib.detector.predict import DeepfakeDetector, built_in
from dfd_lib.detector.spec import Member
from dfd_lib.evaluation.promises import hold
from dfd_lib.evaluation.rules import Combination
from dfd_lib.experiment import load_experiment, parse_experiment
from dfd_lib.models.registry import build
from dfd_lib.paths import report_dir
from dfd_lib.stages.choosing import choose
from dfd_lib.stages.detector_elsewhere import elsewhere
from dfd_lib.stages.detector_facts import metrics
from dfd_lib.stages.detector_licences import licences
from dfd_lib.stages.export import export_detector
from dfd_lib.tables import read_table, write_table

RUNS = {"lenet": ("lenet", 0.7), "lstm": ("resnext_lstm_small", 0.9), "lstm-shuffled": ("resnext_lstm_small", 0.95)}


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    models = {"lenet": {}, "lstm": {"model": "resnext_lstm_small"}, "lstm-shuffled": {"model": "resnext_lstm_small", "order": "shuffled"}}
    recipe = {"name": "x", "title": "X", "data": {"source": "demo"}, "models": models, "evaluation": {"resamples": 100}}
    runs = [{"model": name, "seed": 1, "registry_name": kind, "val_auc": auc, "parameters": 10_000} for name, (kind, auc) in RUNS.items()]
    write_table(pd.DataFrame(runs), report_dir("x") / "runs.csv")
    rows = [("lstm-shuffled", 0.95), ("lenet+lstm", 0.93), ("lstm", 0.9), ("lenet", 0.7)]
    table = [{"name": names, "rule": "mean", "members": names, "size": names.count("+") + 1, "val_auc": auc} for names, auc in rows]
    write_table(pd.DataFrame(table), report_dir("x") / "ensembles.csv")
    return parse_experiment(recipe)


def test_models_of_clips_are_let_in_where_they_are_asked_for_and_controls_never(experiment):
    assert list(choose(experiment, 15)[1].index) == ["lenet"]
    assert list(choose(experiment, 15, clips=True)[1].index) == ["lenet", "lstm"]


def test_where_there_are_models_of_clips_alone_they_are_taken(experiment):
    runs = pd.read_csv(report_dir("x") / "runs.csv")
    write_table(runs[runs["model"] != "lenet"], report_dir("x") / "runs.csv")
    assert list(choose(experiment, 15)[1].index) == ["lstm"]


def test_a_file_that_must_be_smaller_than_any_network_is_refused(experiment):
    with pytest.raises(ValueError, match=r"expected a model of at most 0.01 MB, the smallest has 0\.0"):
        choose(experiment, 0.01)


def test_what_would_not_fit_a_file_made_like_the_package_s_own_is_not_let_in(experiment):
    """Before hours are spent: what the file's size refuses at the end, its parameters refuse here."""
    file = Path(dfd_lib.__file__).parent / "detector" / "built-in.dfd"
    members = [member.model for member in load_bundle(file).spec.members]
    parameters = {name: build(name, image_size=32).count_params() for name in {*members}}
    bytes_a_parameter = file.stat().st_size / sum(parameters[name] for name in members)
    runs = read_table(report_dir("x") / "runs.csv")
    write_table(runs.assign(parameters=int(15.05e6 / bytes_a_parameter)), report_dir("x") / "runs.csv")
    with pytest.raises(ValueError, match=r"expected a model of at most 15 MB, the smallest has 15\.[1-9]"):
        choose(experiment, 15)


def scored(names, conditions=("clean",), dataset="x", seed=0):
    """Eighty crops of forty groups; every condition makes all models worse."""
    random, parts = np.random.default_rng(seed), []
    label = np.arange(80) % 2
    for name in names:
        for place, condition in enumerate(conditions):
            p_fake = np.clip(0.5 + (label - 0.5) * (0.5 - 0.2 * place) + 0.25 * random.normal(size=80), 0.01, 0.99)
            facts = {"model": name, "seed": 1, "dataset": dataset, "split": "test", "level": "frame", "condition": condition, "face": 0}
            videos = [f"v{row}" for row in range(80)]
            columns = {"path": videos, "video": videos, "frame": 0, "group": [f"g{row // 2}" for row in range(80)], "label": label}
            parts.append(pd.DataFrame({**columns, "p_fake": p_fake}).assign(**facts))
    return pd.concat(parts, ignore_index=True)


def test_the_card_tells_of_the_very_ensemble_on_damaged_and_on_other_data(experiment):
    pair = Combination("mean", np.array([0.25, 0.75]))
    assert elsewhere(experiment, ["a", "b"], [1, 1], pair) == {}
    table = scored(["a", "b", "c"], ("clean", "jpeg-20"))
    write_table(table, report_dir("x") / "robustness_predictions.parquet")
    foreign = [scored(["a@x", "b@x", "a@y"], dataset=name, seed=seed) for seed, name in enumerate(("x", "y"))]
    write_table(pd.concat(foreign, ignore_index=True), report_dir("x") / "cross_predictions.parquet")
    found = elsewhere(experiment, ["a", "b"], [1, 1], pair)
    clean, damaged = found["robustness"]
    for row in (clean, damaged):
        wide = table[table["condition"] == row["condition"]].pivot(index="path", columns="model", values="p_fake")
        label = table[(table["condition"] == row["condition"]) & (table["model"] == "a")].set_index("path")["label"]
        auc = roc_auc_score(label[wide.index], 0.25 * wide["a"] + 0.75 * wide["b"])
        assert row["auc"] == pytest.approx(auc, abs=1e-5) and row["auc_low"] < row["auc"] < row["auc_high"]
    assert damaged["auc_change"] == pytest.approx(damaged["auc"] - clean["auc"], abs=2e-6) and damaged["auc_change_high"] < 0
    assert [row["dataset"] for row in found["cross"]] == ["x", "y"]
    assert elsewhere(experiment, ["a", "d"], [1, 1], pair) == {}


def test_the_card_tells_the_terms_of_code_and_of_first_weights_member_by_member():
    models = {
        "plain": {"model": "mobilenet_v2"},
        "keras": {"model": "vgg16", "weights": "imagenet"},
        "clips": {"model": "resnext_lstm", "weights": "imagenet", "hyper": {"backbone": "xception"}},
        "unsaid": {"model": "mobilenet_v2", "weights": "/somewhere/first.weights.h5"},
        "said": {"model": "mobilenet_v2", "weights": "first.weights.h5", "weights_licence": "BSD-3-Clause"},
        "soup": {"model": "mobilenet_v2", "weights": "imagenet", "soup": ["said", "unsaid", "said"]},
    }
    recipe = parse_experiment({"name": "x", "title": "X", "data": {"source": "demo"}, "models": models})
    members = [Member(name, one["model"], 96, "area", "") for name, one in models.items()]
    assert licences(recipe, [*members, Member("gone", "lenet", 32, "area", "")]) == [
        "plain (mobilenet_v2): code Apache-2.0 (Keras); weights started from nothing",
        "keras (vgg16): code Apache-2.0 (Keras); weights started from ImageNet's, CC BY 4.0",
        "clips (resnext_lstm): code MIT (the build is this project's); weights started from ImageNet's, MIT",
        "unsaid (mobilenet_v2): code Apache-2.0 (Keras); weights started from first.weights.h5, terms not stated in the recipe",
        "said (mobilenet_v2): code Apache-2.0 (Keras); weights started from first.weights.h5, BSD-3-Clause",
        "soup (mobilenet_v2): code Apache-2.0 (Keras); weights started from first.weights.h5, BSD-3-Clause and "
        "first.weights.h5, terms not stated in the recipe",
        "gone (lenet): code none published; the build is this project's (MIT); weights started from what the recipe no longer names, "
        "terms not stated in the recipe",
    ]


def test_the_package_s_detector_tells_the_terms_that_its_recipe_states():
    spec = load_bundle(built_in()).spec
    assert spec.facts["licences"] == licences(load_experiment("dfdc-best"), spec.members)


def test_the_card_s_error_rates_come_with_their_intervals(experiment):
    predictions = scored(["net"])
    predictions["split"] = np.where(np.arange(80) < 40, "calib", "test")
    promises = hold(predictions, resamples=100)
    told = metrics(predictions, promises, experiment)["verdicts"]
    kept = promises.conformal[promises.conformal["available"]].set_index(["level", "promised"])
    assert [row["level"] for row in told] == ["frame"] * len(told) and len(told) >= 2
    for row in told:
        for name in ("error_real", "error_fake", "wrong", "unsure"):
            for end in ("", "_low", "_high"):
                assert row[name + end] == pytest.approx(kept.loc[("frame", row["promised"]), name + end], abs=1e-6)


@pytest.mark.slow
def test_a_model_of_clips_becomes_a_detector_that_says_what_keras_says(tmp_path, monkeypatch):
    """From crops to a file and back: more crops than the model takes for some people, fewer for others."""
    import keras

    from dfd_lib.data.pixels import load_pixels
    from dfd_lib.models.registry import build
    from dfd_lib.training.predict import predict

    monkeypatch.setenv("DFD_OUT", str(tmp_path / "out"))
    hyper, rng = {"frames": 4, "units": 8, "backbone_hyper": {"stages": (1,), "cardinality": 2}}, np.random.default_rng(1)
    for number in range(80):
        folder = tmp_path / "faces" / ("real", "fake")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(2 + number % 5):
            crop = rng.integers(0, 256 - 100 * (number % 2), (32, 32, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"v{number}_{10 * frame}.png"), crop)
    model = {"model": "resnext_lstm_small", "image_size": 32, "hyper": hyper}
    recipe = {"name": "x", "title": "X", "data": {"source": str(tmp_path / "faces")}, "models": {"lstm": model}}
    experiment = parse_experiment(recipe | {"evaluation": {"resamples": 100}})
    stages.find_faces(experiment)
    manifest = stages.split_faces(experiment)
    keras.utils.set_random_seed(1)
    network = build("resnext_lstm_small", image_size=32, **hyper)
    head = network.get_layer("logit")
    head.kernel.assign(head.kernel * 20)
    folder = stages.run_dir(experiment, "lstm", 1)
    folder.mkdir(parents=True)
    network.save_weights(folder / "best.weights.h5")
    (folder / "run.json").write_text(json.dumps({"settings": {"hyper": hyper}}))
    predictions = predict(network, manifest, load_pixels(manifest, tmp_path / "faces", 32), name="lstm", seed=1)
    stages.search_ensembles(experiment, predictions)
    run = {"model": "lstm", "seed": 1, "registry_name": "resnext_lstm_small", "val_auc": 0.5, "parameters": 10_000, "image_size": 32}
    write_table(pd.DataFrame([run]), report_dir("x") / "runs.csv")
    detector = DeepfakeDetector(export_detector(experiment))
    assert detector.spec.takes_clips and detector.spec.photo is None and detector.spec.members[0].frames == 4
    served = read_table(report_dir("x") / "detector_predictions.parquet").set_index("video")["p_fake"]
    expected = predictions[predictions["split"] != "train"].set_index("video")["p_fake"]
    assert len(served) == len(expected) and expected.max() - expected.min() > 0.01
    assert (served - expected).abs().max() < 1e-4
    (folder / "run.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected the trained lstm of 'x', found tables alone. Run `dfd report x` first"):
        export_detector(experiment)
