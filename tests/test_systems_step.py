"""The step that lays published systems side by side: tables, words, figure and the page's section."""

import synthetic_report as made

from dfd_lib import figures, stages
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import report_dir
from dfd_lib.report import write_page
from dfd_lib.tables import read_table


def test_it_writes_tables_words_and_the_pages_section(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    made.write_report(tmp_path / "reports" / "systems-test", names=made.NAMES[:3])
    systems = [
        {"claim": "S0 Meso-4", "published": ["theirs"], "own": ["ours"], "changed": "6 of 20 epochs"},
        {"claim": "S4 VGG16", "changed": "not trained here"},
    ]
    models = {"theirs": {"model": "meso4"}, "ours": {"model": "meso4"}}
    recipe = {"name": "systems-test", "title": "T", "data": {"source": "demo"}, "models": models, "systems": systems}
    table = stages.compare_systems(parse_experiment(recipe), made.predictions(["theirs", "ours"], rows=120))
    report = report_dir("systems-test")
    assert read_table(report / "systems.csv")["recipe"].tolist() == table["recipe"].tolist()
    assert table["recipe"].tolist() == ["as published", "own settings", "not trained"]
    assert "Of 1 published result, trained here" in (report / "systems.txt").read_text()
    assert "55_systems" in (report / "test_reads.csv").read_text()
    figures.save(figures.claimed_and_reached(table), report / "figures" / "systems.png")
    page = write_page("systems-test").read_text()
    assert "Published systems, trained here" in page
    assert "6 of 20 epochs" in page
    assert "88.1–89.5 % of 7,104" in page
    assert page.count("not trained here") == 2  # a cell, and by what it is sorted: no row among the numbers
    assert 'alt="Dot plot: the accuracy that each published system claimed' in page
    for name in ("systems.csv", "figures/systems.png"):
        (report / name).unlink()
    assert "Published systems, trained here" not in write_page("systems-test").read_text()
