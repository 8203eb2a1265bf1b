"""What a score costs, beside how good it is."""

import json

import pandas as pd
import pytest
import synthetic_report as made

from dfd_lib.detector.spec import Member
from dfd_lib.experiment import parse_experiment
from dfd_lib.models.registry import build
from dfd_lib.paths import report_dir
from dfd_lib.stages.choosing import Choice
from dfd_lib.stages.costs import A_TURN, COLUMNS, _interval, _milliseconds, costs
from dfd_lib.stages.places import run_dir
from dfd_lib.stages.results import search_ensembles
from dfd_lib.tables import read_table, write_table


def recipe(**student):
    models = {"large": {"model": "meso4", "hyper": {"dense": 64}}, "small": {"model": "meso4", **student}}
    return parse_experiment({"name": "priced", "title": "T", "data": {"source": "demo"}, "models": models, "training": {"epochs": 1}})


def test_a_row_a_network_and_one_for_the_ensemble_that_val_chose(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setattr("dfd_lib.stages.costs._interval", lambda experiment, row: {"test_auc_low": 0.6, "test_auc_high": 0.8})
    asked, facts, metrics = recipe(teacher={}), [], []
    for name, hyper, auc in (("large", {"dense": 64}, 0.9), ("small", {}, 0.8)):
        folder = run_dir(asked, name, 1)
        folder.mkdir(parents=True)
        network = build("meso4", image_size=32, **hyper)
        network.save_weights(folder / "best.weights.h5")
        own = {"registry_name": "meso4", "image_size": 32, "parameters": network.count_params()}
        (folder / "run.json").write_text(json.dumps({**own, "settings": {"hyper": hyper, "precision": "float32"}}))
        facts.append({"model": name, "seed": 1, "val_auc": auc, **own})
        metrics += [
            {
                "model": name,
                "seed": 1,
                "split": split,
                "level": "video",
                "condition": "clean",
                "auc": auc - less,
                "auc_low": 0.5,
                "auc_high": 1.0,
            }
            for split, less in (("val", 0), ("test", 0.1))
        ]
    report = report_dir("priced")
    write_table(pd.DataFrame(facts), report / "runs.csv")
    write_table(pd.DataFrame(metrics), report / "metrics.csv")
    rows = [("large", "single", "large", 0.9), ("mean(large, small)", "mean", "large+small", 0.95), ("gone", "mean", "large+clips", 0.99)]
    ensembles = pd.DataFrame(rows, columns=["name", "rule", "members", "val_auc"]).assign(test_auc=0.7, size=[1, 2, 2])
    write_table(ensembles, report / "ensembles.csv")
    table = costs(asked, rounds=2).set_index("name")
    assert table.index.tolist() == ["mean(large, small)", "large", "small"]
    assert table["served"].tolist() == [True, False, False]
    assert table.loc["large", "test_auc"] == pytest.approx(0.8)
    assert table["networks"].tolist() == [2, 1, 1]
    for column in ("megabytes", "milliseconds", "parameters"):
        both = table.loc[["large", "small"], column]
        assert (both > 0).all()
        assert table.loc["mean(large, small)", column] == pytest.approx(both.sum())
    assert table.loc["large", "megabytes"] > table.loc["small", "megabytes"]
    assert read_table(report / "costs.csv").columns.tolist() == COLUMNS
    both = facts[0]["parameters"] + facts[1]["parameters"]
    small = costs(asked, rounds=2, megabytes=1.5e-6 * both).set_index("name")  # less than the bytes that a parameter takes
    assert small.index[small["served"]].tolist() == ["large"]
    other = ("vote(large, small)", "vote", "large+small", 0.92, 0.7, 2)
    write_table(pd.concat([ensembles, pd.DataFrame([other], columns=ensembles.columns)]), report / "ensembles.csv")
    monkeypatch.setattr("dfd_lib.stages.costs.choose", lambda *_: Choice(pd.Series(other, ensembles.columns), pd.DataFrame(), ""))
    table = costs(asked, rounds=2).set_index("name")
    assert table.index.tolist() == ["mean(large, small)", "vote(large, small)", "large", "small"]
    assert table.index[table["served"]].tolist() == ["vote(large, small)"]


class Timed:
    """A network whose scores take as many seconds as it is told, one after the other, of a clock that stands still otherwise."""

    def __init__(self, name, seconds, clock, turns):
        self.members, self.seconds, self.clock, self.turns = [Member(name, "lenet", 32, "area", "")], iter(seconds), clock, turns

    def scores(self, faces):
        assert faces.shape == (1, 32, 32, 3)
        self.turns.append(self.members[0].name)
        self.clock[0] += next(self.seconds)


def test_networks_are_timed_in_turns_and_a_busy_moment_counts_against_none(monkeypatch):
    clock, turns = [0.0], []
    monkeypatch.setattr("dfd_lib.stages.costs.time.perf_counter", lambda: clock[0])
    busy, calm = [9.0, *[7.0] * (A_TURN - 1)], [5.0, *[2.0] * (A_TURN - 1)]
    opened = {"first": Timed("first", busy + calm, clock, turns), "second": Timed("second", calm + busy, clock, turns)}
    assert _milliseconds(opened, rounds=2) == {"first": 2000, "second": 2000}
    assert turns == [*["first"] * A_TURN, *["second"] * A_TURN] * 2


def test_an_ensemble_s_interval_is_the_one_of_the_leaderboard(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    predictions = made.predictions(["large", "small"], rows=80)
    write_table(predictions, report_dir("priced") / "predictions.parquet")
    search_ensembles(recipe(), predictions)
    table = read_table(report_dir("priced") / "ensembles.csv").dropna(subset="test_auc_low")
    best = table[table["rule"] != "single"].iloc[0]
    came = _interval(recipe(), best)
    assert came == {name: pytest.approx(best[name], abs=1e-5) for name in ("test_auc_low", "test_auc_high")}
    assert came["test_auc_low"] < best["test_auc"] < came["test_auc_high"]


def test_where_nothing_was_made_to_be_cheap_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    assert costs(recipe()).empty
    assert not (report_dir("priced") / "costs.csv").exists()
