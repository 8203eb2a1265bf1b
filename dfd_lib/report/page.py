"""`reports/<name>/index.html`: one file with everything in it, which opens from disk."""

import functools
from collections.abc import Callable
from pathlib import Path

import jinja2

from dfd_lib.paths import whole
from dfd_lib.report import doubts, record, results
from dfd_lib.report.ablations import ablations
from dfd_lib.report.blocks import Section
from dfd_lib.report.coverage import coverage
from dfd_lib.report.explain import explain
from dfd_lib.report.generalise import generalise
from dfd_lib.report.pairs import pairs
from dfd_lib.report.promises import promises
from dfd_lib.report.source import Report, open_report
from dfd_lib.report.systems import systems
from dfd_lib.report.time import time
from dfd_lib.report.tuning import tuning
from dfd_lib.report.verdict import headline

_SECTIONS: tuple[tuple[Callable[[Report], Section], str], ...] = (
    (results.leaderboard, "metrics.csv"),
    (pairs, "pairs.csv"),
    (results.ensembles, "ensembles.csv"),
    (tuning, ""),  # only where a recipe searches
    (ablations, ""),  # only where a recipe has some
    (systems, ""),  # only where a recipe names published systems
    (time, ""),  # only where a recipe has models of clips
    (results.slices, "slices.csv"),
    (results.answers, "figures/roc.png, confusions.png or scores.png"),
    (promises, "calibration.csv"),
    (explain, "agreement.csv"),
    (generalise, ""),  # only where a recipe asks for it
    (record.training, "runs.csv"),
    (record.split, "split.csv"),
    (doubts.leak_tax, ""),  # only where a recipe asks for it
    (coverage, "coverage.csv"),
    (doubts.shortcuts, "shortcuts.csv"),
    (doubts.claims, "claims.csv"),
)


def write_page(name: str) -> Path:
    """Write the page of a report from the tables and figures that lie in its folder.

    A section whose table is missing is left out, and the page says so at its end.

    Args:
        name: the experiment's folder under reports/.

    Returns:
        The path of index.html.

    Raises:
        ValueError: no such recipe, or a table or figure that is not what it should be.
    """
    report = open_report(name)
    page = report.folder / "index.html"
    with whole(page) as beside:
        beside.write_text(_render(report), encoding="utf-8")
    return page


def _render(report: Report) -> str:
    built = [(build(report), needs) for build, needs in _SECTIONS]
    sections = [section for section, _ in built if section.blocks]
    absent = [(section.title, needs) for section, needs in built if needs and not section.blocks]
    others = Section("more", "More figures", [*report.other_pictures()])
    return _template().render(
        recipe=report.recipe,
        headline=headline(report),
        facts=results.facts(report),
        sections=[*sections, *([others] if others.blocks else []), record.record(report)],
        absent=absent,
        finished=report.stamp.get("finished", ""),
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of files and models come from outside
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
