"""What a training of a study is said to cost, on machines that had other work too."""

from pathlib import Path

import pandas as pd
import pytest

from dfd_lib.recipe.ablations import Ablation
from dfd_lib.report.ablations import _table
from dfd_lib.stages.ablation_tables import PROCESSORS, WALL, _costs
from dfd_lib.training.runs import Run

EPOCHS = pd.DataFrame({"epoch": [1, 2, 3], "seconds": [80.0, 60.0, 640.0], "cpu_seconds": [66.0, 57.0, 57.0]})
"""The last one on a machine that slept, or was busy."""


def run(history=EPOCHS, **facts):
    known = {"parameters": 1000, "image_size": 96, "epochs": 3, "images_per_second": 10.0, "seconds": 780.0, "devices": "CPU"}
    return Run(Path(), known | facts, history, pd.DataFrame())


def costs(**runs):
    """Of `name_seed=run`."""
    return _costs({Ablation(name.split("_")[0], 1, int(name.split("_")[1])): one for name, one in runs.items()})


def test_minutes_are_those_of_processors_and_other_work_does_not_count():
    table = costs(base_1=run(), base_2=run(EPOCHS.assign(seconds=6400.0)), longer_1=run(EPOCHS.assign(cpu_seconds=120.0)))
    assert table["minutes"].tolist() == [3.0, 6.0]
    assert table.loc["base", "images_per_second"] == pytest.approx(7800 / 180, abs=0.01)
    assert table[["parameters", "image_size", "epochs"]].to_numpy().tolist() == [[1000, 96, 3]] * 2
    assert (table["clock"] == PROCESSORS).all()


@pytest.mark.parametrize("other", [run(EPOCHS.drop(columns="cpu_seconds")), run(EPOCHS.replace(66.0, float("nan"))), run(devices="A100")])
def test_where_one_did_not_count_all_are_by_the_wall_and_their_fastest_epoch(other):
    table = costs(base_1=run(), other_1=other)
    assert table["minutes"].tolist() == pytest.approx([(80 + 2 * 60) / 60] * 2, abs=0.01)
    assert (table["clock"] == WALL).all()


@pytest.mark.parametrize("other", [{}, {"processor": "Xeon"}, {"processor": "EPYC", "devices": "A100"}])
def test_of_different_processors_there_is_no_mean(other):
    """One that a run of an earlier version does not name is another one."""
    table = costs(base_1=run(processor="EPYC"), base_2=run(**other), alike_1=run(processor="EPYC"), alike_2=run(processor="EPYC"))
    assert table.loc["base", ["minutes", "images_per_second"]].isna().all()
    assert table.loc["alike", ["minutes", "images_per_second"]].notna().all()
    assert table["epochs"].tolist() == [3, 3]


def test_the_page_says_what_a_training_s_time_is():
    row = {"name": "base", "luck": False, "changed": "nothing", "minutes": float("nan"), "image_size": 96, "parameters": 1000}
    table = pd.DataFrame([row | {"auc": 0.8} | dict.fromkeys(("difference", "low", "high", "p_holm"), float("nan"))])
    assert "processor time" in _table("Changes", table.assign(clock=PROCESSORS)).foot
    for by_the_wall in (table, table.assign(clock=WALL)):  # earlier versions did not say
        assert "fastest epochs" in _table("Changes", by_the_wall).foot
