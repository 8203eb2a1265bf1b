"""Whose test crops are no secret any more: two tiny reports of one data source."""

import pandas as pd
import pytest
import yaml

from dfd_lib.experiment import load_experiment
from dfd_lib.other_reads import other_reads
from dfd_lib.paths import report_dir
from dfd_lib.tables import write_table

PATHS = ["a.png", "b.png", "c.png", "d.png"]


def report(name, test, reads=2, source="photos", table="manifest.parquet", **recipe):
    recipe = {"title": name, "data": {"source": source}, "models": {"lenet": {}}, **recipe}
    report_dir(name).mkdir(parents=True)
    (report_dir(name) / "experiment.yaml").write_text(yaml.safe_dump(recipe))
    split = ["test" if path in test else "train" for path in PATHS]
    write_table(pd.DataFrame({"path": PATHS, "split": split, "label": 0}), report_dir(name) / table)
    if reads:
        rows = {"date": "", "commit": "", "command": "50_compare", "result": "x"}
        write_table(pd.DataFrame([rows] * reads), report_dir(name) / "test_reads.csv")


@pytest.fixture(autouse=True)
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    report("mine", {"a.png", "b.png", "c.png"})
    return tmp_path / "reports"


def test_reports_that_share_test_crops_are_named_with_their_reads():
    report("elder", {"b.png", "c.png", "d.png"}, reads=5)
    report("committed", {"a.png"}, reads=1, table="predictions.parquet")
    said = other_reads(load_experiment("mine"))
    assert said.startswith(
        "The same crops are in the test part of committed (1 of 3 crops, read 1 time), elder (2 of 3 crops, read 5 times)."
    )
    assert "mine (" not in said and "it is not fresh" in said


def test_who_shares_nothing_or_has_read_nothing_is_not_named():
    report("apart", {"d.png"})
    report("unread", {"a.png"}, reads=0)
    report("namesake", {"a.png"}, source="other photos")
    assert other_reads(load_experiment("mine")) == ""


def test_drawn_clips_are_the_same_where_they_are_drawn_alike():
    for name, people in (("one", 8), ("two", 8), ("three", 9)):
        report(name, {"a.png"}, source="demo", demo={"people": people})
    assert "part of two (1 of 1 crop, read 2 times)." in other_reads(load_experiment("one"))


def test_a_broken_or_missing_report_is_no_error(house):
    for name in ("no-recipe", "no-table", "bad-table", "bad-reads"):
        report(name, {"a.png"})
    (house / "no-recipe" / "experiment.yaml").write_text("models: [")
    (house / "no-table" / "manifest.parquet").unlink()
    (house / "bad-table" / "manifest.parquet").write_bytes(b"PAR1 of something else")
    (house / "bad-reads" / "test_reads.csv").write_text("")
    assert other_reads(load_experiment("mine")) == ""


def test_the_page_says_so(house):
    from dfd_lib.report import write_page

    report("elder", {"b.png"}, reads=5)
    assert "elder (1 of 3 crops, read 5 times)" in write_page("mine").read_text(encoding="utf-8")
