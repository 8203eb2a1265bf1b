"""What a detector is made of: which models, and what its card tells of other data. Tables in, tables out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dfd_lib.evaluation.rules import Combination
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import report_dir
from dfd_lib.stages.detector_elsewhere import elsewhere
from dfd_lib.stages.export import choose
from dfd_lib.tables import write_table

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
