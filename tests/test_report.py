"""The page shows what lies in the folder, whole and safe to open; the summary and the diff say what happened."""

import base64
import os
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import synthetic_report as made

from dfd_lib import figures
from dfd_lib.formats import between, count, duration, share, signed
from dfd_lib.report import diff, in_words, summary, write_page
from dfd_lib.report.captions import describe
from dfd_lib.tables import METRICS_KEY, read_table, write_table

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}
NAMES = made.NAMES[:5]


class Page(HTMLParser):
    """A parsed page: every tag with its attributes, every text with the tags around it; unbalanced tags raise."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.tables: list[list[list[str]]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))
        if "tr" in self.open and ("td" in self.open or "th" in self.open):
            self.tables[-1][-1][-1] += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    def captions(self) -> list[str]:
        return [data for around, data in self.texts if "caption" in around and data.strip()]

    def words(self, *inside: str) -> str:
        kept = (text for around, text in self.texts if set(inside) <= set(around) and not {"style", "script"} & set(around))
        return " ".join(" ".join(kept).split())


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty project whose `reports/` is the test's own."""
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    return tmp_path / "reports"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three small figures, one of them unknown to the captions."""
    folder = tmp_path_factory.mktemp("figures")
    figures.save(figures.split_overview(made.split()), folder / "split.png")
    figures.save(figures.diversity(made.diversity(NAMES[:3])), folder / "diversity.png")
    figures.save(figures.coverage(made.coverage()), folder / "my_own_figure_of_noise.png")
    return folder


@pytest.fixture(scope="module")
def whole(drawn, tmp_path_factory):
    """A whole report of five models, written once."""
    folder = made.write_report(tmp_path_factory.mktemp("whole") / "lab", NAMES)
    shutil.copytree(drawn, folder / "figures")
    return folder


@pytest.fixture
def folder(house, whole):
    """A copy of it, the test's own."""
    return shutil.copytree(whole, house / "lab")


def read(folder) -> Page:
    return Page(write_page(folder.name).read_text(encoding="utf-8"))


def test_every_image_is_inside_and_equals_its_file(folder):
    images = read(folder).all("img")
    files = {path.read_bytes() for path in (folder / "figures").glob("*.png")}
    assert {base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True) for image in images} == files
    assert all(len(image["alt"]) > 20 and int(image["width"]) > 100 and int(image["height"]) > 30 for image in images)


def test_a_search_shows_what_it_bought_what_it_chose_and_its_trials(folder):
    trials = made.write_search(folder, "lenet", count=12)
    figures.save(figures.search_progress(trials), folder / "figures" / "search_progress_lenet.png")
    figures.save(figures.search_scatter(trials), folder / "figures" / "search_scatter_lenet.png")
    page = read(folder)
    assert "Tuning lenet (12 trials) bought something." in page.words("section")
    titles = ("AUC on test, tuned", "setting", "what it changed")
    gains, settings, listed = (next(table for table in page.tables if title in table[0]) for title in titles)
    assert gains[1][-1].split() == ["+.050", "+.020", "to", "+.080"]
    best = trials.iloc[0]
    assert [row[0] for row in settings[1:]] == ["learning_rate", "width", "padding"]
    assert [row[2] for row in settings[1:]] == [f"{best['learning_rate']:.3g}", f"{best['width']:.3g}", best["padding"]]
    assert len(listed) - 1 == 10
    assert listed[1][0] == str(best["trial"])
    assert "2 more trials in tuning/lenet/trials.csv; 6 min 6 s in all." in page.words("section")
    by_number = {row[0]: row for row in listed[1:]}
    if "1" in by_number:
        assert by_number["1"][-1] == "nothing, the recipe as it stands"
    assert "What did tuning buy: there is no tuning.csv." not in page.words("section")
    captions = page.words("figcaption")
    assert "lenet. Each dot is a trial" in captions
    assert "lenet. One panel a setting" in captions


def test_nothing_is_fetched_from_elsewhere(folder):
    html = write_page(folder.name).read_text(encoding="utf-8")
    page = Page(html)
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href", "srcset", "action")]
    assert addresses
    assert all(address.startswith(("#", "data:", "notebooks/")) for address in addresses)
    assert "://" not in html
    assert not any("src" in attributes for attributes in page.all("script"))
    assert "url(" not in html and "@import" not in html


def test_structure_serves_screen_readers(folder):
    page = read(folder)
    assert page.all("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(page.all(landmark)) == 1, landmark
    assert all(head.get("scope") in ("row", "col") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) > 8
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")}
    assert inner <= set(ids)
    assert {section["id"] for section in page.all("section")} - {"absent"} <= inner
    assert {section["aria-labelledby"] for section in page.all("section")} <= set(ids)
    assert [row for row in page.tags if row[0] == "h3"], "lists have headings"


def test_every_row_has_as_many_cells_as_the_head(folder):
    for table in read(folder).tables:
        assert {len(row) for row in table} == {len(table[0])}


def test_hostile_names_stay_text(house):
    nasty = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "a' & b"]
    folder = made.write_report(house / "nasty", nasty, title="<b>T</b> {{ 1 }}", about="</main><script>x</script> `<i>`")
    coverage = made.coverage().assign(file=[f"{place}/<svg onload=x>" for place in range(120)], reason="<iframe>")
    write_table(coverage, folder / "coverage.csv")
    (folder / "notes.txt").write_text("<style>*{display:none}</style>\n")
    (folder / "notebooks" / "a b&<i>#?.ipynb").write_text("{}")
    harmless = read(made.write_report(house / "harmless", NAMES[:4]))
    page = read(folder)
    for tag in ("script", "style", "img", "svg", "iframe", "main", "b", "i"):
        assert len(page.all(tag)) == len(harmless.all(tag)), tag
    for name in nasty:
        assert any(name in row[0] for table in page.tables for row in table), name
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "<b>T</b> {{ 1 }}" in page.words("h1")
    assert "<i>" in page.words("code")
    assert "notebooks/a%20b%26%3Ci%3E%23%3F.ipynb" in [link["href"] for link in page.all("a")]


def test_summary_line_names_the_model_chosen_on_val_and_its_test_score(folder):
    metrics = made.metrics(made.predictions(NAMES))
    videos = metrics[(metrics["level"] == "video") & (metrics["model"] != "majority")]
    best = videos[videos["split"] == "val"].set_index("model")["auc"].idxmax()
    row = videos[(videos["split"] == "test") & (videos["model"] == best)].iloc[0]
    wanted = f"Best single model: {best}, test AUC {between(row['auc'], row['auc_low'], row['auc_high'])} by clip (mean of its 10 frames)."
    page = read(folder)
    assert wanted in page.words("header")
    assert "Ensembles: no real gain over the best single model." in page.words("header")
    assert wanted in summary("lab").splitlines()
    assert "always naming the commoner class gives .520" in summary("lab")


def test_a_better_score_on_test_does_not_choose_the_model(folder):
    metrics = read_table(folder / "metrics.csv")
    metrics.loc[(metrics["model"] == "lenet") & (metrics["split"] == "test"), "auc"] = 1.0
    metrics.loc[(metrics["model"] == "meso4") & (metrics["split"] == "val"), "auc"] = 1.0
    write_table(metrics, folder / "metrics.csv")
    assert "Best single model: meso4," in summary("lab")


def test_an_ensemble_in_the_metrics_is_no_single_model(folder):
    metrics = read_table(folder / "metrics.csv")
    ensemble = metrics[metrics["model"] == "lenet"].assign(model="mean(lenet+meso4)", auc=1.0)
    write_table(pd.concat([metrics, ensemble]), folder / "metrics.csv")
    assert "Best single model: mean" not in summary("lab")
    assert "mean(lenet+meso4)" in read(folder).words("tbody")


def test_several_seeds_are_said_to_be_a_mean(house):
    made.write_report(house / "seeds", NAMES[:2], seeds=(1, 2, 3))
    assert re.search(r"test AUC \.\d{3} \(mean of 3 seeds, \.\d{3}–\.\d{3}\)", summary("seeds"))
    page = read(house / "seeds")
    assert "2 × 3 seeds" in page.words("dl")
    metrics = read_table(house / "seeds" / "metrics.csv").query("split == 'test' and level == 'video' and model == 'lenet'")
    table = next(table for table in page.tables if table[0][:3] == ["model", "seeds", "AUC"])
    line = next(row for row in table if row[0] == "lenet")
    mean, spread = (f"{number:.3f}".lstrip("0") for number in (np.mean(metrics["auc"]), np.std(metrics["auc"], ddof=1)))
    assert line[1:3] == ["3", f"{mean} ± {spread}"]


@pytest.mark.parametrize(("source", "told"), [("demo", True), ("my_clips", False)])
def test_drawn_data_are_called_drawings(house, source, told):
    folder = made.write_report(house / "lab", NAMES[:2], source=source)
    sentence = "These are drawings; scores on them say nothing about real deepfakes."
    assert (sentence in read(folder).words("header")) == told
    assert (sentence in summary("lab")) == told


def test_leaderboard_table_is_sorted_marks_the_best_and_ends_with_the_majority(folder):
    table = next(table for table in read(folder).tables if table[0][:2] == ["model", "AUC"])
    scores = [float(row[1].split()[0].replace("–", "nan")) for row in table[1:-1]]
    assert scores == sorted(scores, reverse=True)
    assert table[-1][0] == "majority"
    metrics = made.metrics(made.predictions(NAMES)).query("split == 'test' and level == 'video' and model != 'majority'")
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert f"<strong>{share(metrics['log_loss'].min())}</strong>" in html, "lower is better for log loss"
    assert f"<strong>{share(metrics['recall'].max())}</strong>" in html


@pytest.mark.parametrize(("groups", "told"), [(1, True), (19, True), (20, False)])
def test_too_few_groups_for_the_intervals_are_told(folder, groups, told):
    parts = made.split()
    write_table(parts.assign(groups=parts["groups"].where(parts["split"] != "test", groups)), folder / "split.csv")
    assert ("intervals may well be too narrow" in read(folder).words("p")) == told


def test_ensembles_table_starts_with_the_best_single_model_and_counts_the_rest(folder):
    page = read(folder)
    table = next(table for table in page.tables if table[0][0] == "members")
    assert table[1][0] == "lenet (best single model)"
    assert len(table) == 1 + 1 + 20
    combined = made.ensembles(NAMES).query("rule != 'single'")
    assert f"{len(combined) - 20} more ensembles in ensembles.csv." in page.words("section")
    assert f"ensembles tried {len(combined)}" in page.words("dl")
    best = combined.sort_values("val_auc", ascending=False).iloc[0]
    assert table[2][0] == best["members"].replace("+", " + ")
    assert table[2][6] == f"{signed(best['gain'])} {signed(best['gain_low'])} to {signed(best['gain_high'])}"


def test_how_ensembles_were_found_is_said(folder):
    table = made.ensembles(NAMES)
    greedy = (table["size"] == len(NAMES)) & (table["rule"] != "single")
    write_table(table.assign(greedy=greedy, seeds=3, test_auc_low=0.87, test_auc_high=0.93), folder / "ensembles.csv")
    page = read(folder)
    words = page.words("section")
    assert f"Of {len(NAMES)} models every subset of the best on val was tried, and {greedy.sum()} ensembles that greedy" in words
    assert "Each model is the mean p_fake of its 3 seeds: an ensemble itself." in words
    table = next(table for table in page.tables if table[0][0] == "members")
    assert table[1][4].endswith(".870–.930")


def test_a_table_of_differences_says_why_test_and_interval_may_disagree(folder):
    assert "On few groups the two may disagree" in read(folder).words("section")


def test_models_are_compared_on_other_data_too(folder):
    (pairs,) = [table for table in read(folder).tables if table[0][:3] == ["dataset", "left", "right"]]
    assert pairs[1][:3] == ["photos", *NAMES[:2]] and pairs[1][-1] == "no"


def test_a_copy_is_named_where_it_is_in_no_pair(folder):
    assert "soups that took one member" not in read(folder).words("main")
    runs = read_table(folder / "runs.csv")
    soup = runs.iloc[[0]].assign(model="soup", copy_of=NAMES[0])
    write_table(pd.concat([runs.assign(copy_of=None), soup], ignore_index=True), folder / "runs.csv")
    assert f"In no pair are copies, soups that took one member alone: soup of {NAMES[0]}." in read(folder).words("main")


def test_costs_mark_the_one_that_is_served(folder):
    cost = {"networks": 1, "parameters": 1000, "megabytes": 1.0, "milliseconds": 2.0, "val_auc": 0.8, "test_auc": 0.7}
    rows = [{"name": name, "served": name == "small", **cost, "test_auc_low": 0.6, "test_auc_high": 0.8} for name in ("large", "small")]
    write_table(pd.DataFrame(rows), folder / "costs.csv")
    (costs,) = [table for table in read(folder).tables if "ms a face" in table[0]]
    assert [row[0] for row in costs[1:]] == ["large", "small (served)"]
    assert "Served as the detector: small, test AUC .700 (.600–.800) by clip" in summary("lab")
    write_table(pd.DataFrame(rows).assign(served=False), folder / "costs.csv")
    assert "Served as the detector" not in summary("lab")


def test_every_two_finalists_are_a_pair_of_folds_and_not_of_test(folder):
    pair = {"left": "large", "right": "small", "level": "video", "metric": "auc", "difference": 0.02, "low": 0.01, "high": 0.03}
    write_table(pd.DataFrame([pair | {"p": 0.001, "p_holm": 0.006, "significant": True}]), folder / "finalists_pairs.csv")
    page = read(folder)
    (caption,) = [caption for caption in page.captions() if caption.startswith("Every two finalists")]
    assert caption.endswith("validation folds alone")
    assert "intervals and p are of resampled groups, and of seeds where a model has several" in page.words("section")
    assert ["large", "small", "yes"] in [[*row[:2], row[-1]] for table in page.tables for row in table]


def test_promises_are_about_the_best_model_and_say_what_is_not_available(folder):
    page = read(folder)
    words = page.words("section")
    for line in (folder / "calibration.txt").read_text().splitlines():
        assert line in words
    table = next(table for table in page.tables if table[0][0] == "calibration")
    assert [row[0] for row in table[1:]] == ["none, as it came", "temperature", "platt", "isotonic"]
    best = made.metrics(made.predictions(NAMES)).query("split == 'val' and level == 'video' and model != 'majority'")
    best = best.set_index("model")["auc"].idxmax()
    assert sum(caption.startswith(f"{best} by clip (mean of its 10 frames): ") for caption in map(str.strip, page.captions())) == 3
    table = next(table for table in page.tables if table[0][0] == "threshold fixed on calib")
    promises = read_table(folder / "operating.csv").query(f"model == '{best}' and level == 'video'").set_index("rule")
    cells = {row[0]: row for row in table[1:]}
    assert cells["at most 1 % false alarms"][1:] == ["not available", *["–"] * 5]
    assert cells["at most 10 % false alarms"][3].split()[0] == share(promises.loc["false_alarms_10", "recall"])
    table = next(table for table in page.tables if table[0][0] == "errors promised, each class")
    assert [row[1:4] for row in table[1:3]] == [["10", "99", "not available"], ["10", "19", "not available"]]
    measured = read_table(folder / "conformal.csv").query(f"model == '{best}' and level == 'video' and promised == .1").iloc[0]
    assert table[3][0] == "at most 10 %" and table[3][4].split()[0] == share(measured["error_fake"])


def test_skipped_files_are_shown_with_reasons_and_counted(folder):
    page = read(folder)
    skipped = made.coverage().query("status == 'skipped'")
    table = next(table for table in page.tables if table[0] == ["file", "class", "reason"])
    assert [row[0] for row in table[1:]] == skipped["file"].head(20).tolist()
    assert {row[2] for row in table[1:]} == set(skipped["reason"].head(20))
    assert f"{len(skipped) - 20} more skipped files in coverage.csv." in page.words("section")


def test_coverage_is_told_by_class(folder):
    table = next(table for table in read(folder).tables if table[0][:2] == ["class", "files"])
    made_up = made.coverage()
    for row, (label, name) in zip(table[1:], [(0, "real"), (1, "fake")], strict=True):
        own = made_up[made_up["label"] == label]
        kept = (own["faces_kept"] > 0).sum()
        wanted = [len(own), kept, f"{kept / len(own) * 100:.1f} %", own["frames_read"].sum(), own["faces_kept"].sum()]
        assert row == [name, *map(str, wanted), str((own["status"] == "skipped").sum())]


def test_what_could_be_learnt_instead_of_the_face_is_loud(folder):
    page = read(folder)
    words = page.words("section")
    assert "2 facts of the files could be learnt instead of the face:" in words
    assert "codec: real h264 (98 %), fake mjpg (51 %). It alone tells fake from real with an AUC of .930 (.890–.970)." in words
    assert "files with a face: real 99.0 %, fake 87.0 %." in words
    table = next(table for table in page.tables if table[0][0] == "fact")
    results = {row[0]: row[-1] for row in table[1:]}
    assert {name for name, result in results.items() if result == "WARNS"} == {"codec", "files with a face"}
    assert {row[table[0].index("resampled")] for row in table[1:]} == {"person"}
    assert results["exif"] == "too few groups" and results["bits per pixel"] == "–"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (made.differences(warns=()), "None of 7 facts of the files tells real from fake well enough to warn."),
        (made.differences(warns=()).assign(auc_low=np.nan), "Too few groups to tell whether real and fake files differ"),
    ],
)
def test_that_nothing_was_found_is_said_too(folder, table, sentence):
    write_table(table, folder / "differences.csv")
    assert sentence in read(folder).words("section")
    (folder / "differences.csv").unlink()
    assert sentence not in read(folder).words("section")


def test_the_leak_tax_stands_beside_what_was_published(folder):
    words = read(folder).words("section")
    assert "lenet is right on .980 of the test crops" in words
    assert "S4 published 99 % for a tuned LeNet on frames split at random" in words
    assert ".980 .960–1.000 .975–.985" in words and "+.070 +.050 to +.090" in words


@pytest.mark.parametrize(("warns", "tone"), [(("encoding", "everything"), "warning"), ((), "good")])
def test_shortcuts_are_loud_where_labels_can_be_guessed(folder, warns, tone):
    write_table(made.shortcuts(warns), folder / "shortcuts.csv")
    page = write_page(folder.name).read_text(encoding="utf-8")
    section = page[page.index('<section id="shortcuts"') :].partition("</section>")[0]
    assert f'class="note {tone}"' in section and section.count('data-order="WARNS"') == len(warns)


def test_what_they_get_wrong_is_counted_and_heat_maps_name_their_model(folder):
    shutil.copy(folder / "figures" / "split.png", folder / "figures" / "heat_lenet.png")
    page = read(folder)
    counted = next(table for table in page.tables if table[0][0] == "models that are right")
    assert len(counted) == 1 + 6 and sum(int(row[1]) for row in counted[1:]) == 200  # none to five models, the crops of val
    assert f"all 5 models are right on {counted[-1][2]}, none on {counted[1][2]}" in page.words("section")
    wrong = next(table for table in page.tables if table[0] == ["model", "is", "crop", "p_fake"])
    assert all((float(row[3]) >= 0.5) == (row[1] == "real") for row in wrong[1:])
    assert "Crops of val that lenet gets most wrong" in page.words("figcaption")


def test_published_results_that_contradict_themselves_are_named(folder):
    page = read(folder)
    words = page.words("section")
    assert "S2, InceptionResNetV2: accuracy was printed as 99.52 %, the matrix says 97.76 %" in words
    assert "S1, ResNeXt-50 + LSTM" in words and "seem swapped" in words
    assert words.count("does not add up") == 2


def test_a_leak_is_loud_and_stands_first(house):
    quiet = read(made.write_report(house / "clean", NAMES[:2]))
    assert "nothing shared" in quiet.words("td") and "LEAKS" not in quiet.words("td")
    loud = read(made.write_report(house / "leaky", NAMES[:2], leak=True))
    table = next(table for table in loud.tables if table[0][0] == "check")
    assert table[1][0] == "donor" and table[1][-1] == "LEAKS"
    assert "1 check of 10 found values that two parts share" in loud.words("section")


def test_what_ran_is_on_the_page(folder):
    words = read(folder).words("main")
    for fact in (*made.STAMP["versions"].values(), "0123456789abcdef", "abc1234", "7 min 11 s", "make report EXPERIMENT=lab", "50_compare"):
        assert fact in words, fact
    assert "lenet: {epochs: 3}" in words, "the recipe itself"


def test_figures_stand_in_their_sections_and_unknown_ones_are_not_lost(folder):
    page = write_page(folder.name).read_text(encoding="utf-8")
    sections = dict(re.findall(r'<section id="(\w+)".*?</h2>(.*?)</section>', page, re.DOTALL))
    assert sections["split"].count("<img") == sections["ensembles"].count("<img") == sections["more"].count("<img") == 1
    assert "My own figure of noise." in sections["more"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("metrics.csv", "Which model is best"), ("pairs.csv", "Is the difference real"), ("slices.csv", "Where does it fail"),
        ("runs.csv", "How they were trained"), ("calibration.csv", "Can p_fake be trusted"), ("coverage.csv", "Were the faces found"),
        ("shortcuts.csv", "Can labels be guessed without the face"),
        ("claims.csv", "What others published, computed again"), ("agreement.csv", "What they look at, and what they get wrong"),
    ],
)  # fmt: skip
def test_a_missing_or_empty_table_leaves_its_section_out_and_says_so(folder, name, title):
    for change in (lambda path: path.write_text("\n"), lambda path: path.unlink()):
        change(folder / name)
        page = read(folder)
        assert title not in page.words("nav")
        assert f"{title}: there is no {name}." in page.words("section", "li")


def test_a_recipe_alone_makes_a_page(house):
    (house / "bare").mkdir(parents=True)
    (house / "bare" / "experiment.yaml").write_text("title: Bare\ndata: {source: x}\nmodels: {lenet: {}}\n")
    page = read(house / "bare")
    assert "Nothing was measured yet." in page.words("header")
    assert len([around for around, _ in page.texts if "li" in around and "section" in around]) == 12
    assert summary("bare") == "Bare (bare)\nNothing was measured yet."


@pytest.mark.parametrize(
    ("frames", "told"),
    [([5, 5, 5], "mean of its 5 frames"), ([1, 1, 1], "mean of its 1 frame)"), ([3, 24, 12], "frames, 3 to 24, 12 in the median")],
)
def test_every_number_of_clips_says_how_many_frames_a_clip_gave(folder, frames, told):
    rows = {"file": ["a", "b", "c", "d"], "label": [0, 1, 0, 1], "status": "ok", "reason": "", "frames_read": [*frames, 0]}
    write_table(pd.DataFrame(rows).assign(faces_found=1, faces_kept=[1, 1, 1, 0], width=9, height=9), folder / "coverage.csv")
    captions = [caption for caption in read(folder).captions() if "by clip" in caption]
    assert len(captions) >= 6 and all(told in caption for caption in captions)


def test_networks_of_clips_say_how_many_frames_they_see(folder):
    metrics = read_table(folder / "metrics.csv")
    whole = (metrics["level"] == "video") & (metrics["model"] == metrics["model"].iloc[0])
    metrics.loc[whole, "aggregator"] = "none"
    write_table(metrics.assign(frames_per_clip=np.where(whole, 16.0, np.nan)), folder / "metrics.csv")
    assert "networks of clips see up to 16 frames" in read(folder).words("caption")


def test_val_is_shown_and_named_where_test_was_not_read(folder):
    metrics = read_table(folder / "metrics.csv")
    write_table(metrics[metrics["split"] == "val"], folder / "metrics.csv")
    assert ", val AUC " in summary("lab")
    assert "Video level on val" in read(folder).words("caption")


def test_two_data_sets_get_a_table_each(folder):
    metrics = read_table(folder / "metrics.csv")
    write_table(pd.concat([metrics, metrics.assign(dataset="other")]), folder / "metrics.csv")
    captions = read(folder).words("caption")
    assert "data set drawn" in captions and "data set other" in captions


def test_the_same_folder_gives_the_same_page(folder):
    first = write_page("lab").read_bytes()
    assert write_page("lab").read_bytes() == first
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.csv", "model,seed\nlenet,1\n", "runs.csv: expected the columns model, seed, image_size"),
        ("metrics.csv", "model\nlenet\n", "metrics: expected the columns model, seed"),
        ("figures/roc.png", "no image", "roc.png: expected a PNG file"),
    ],
)
def test_a_broken_input_is_one_line_and_the_old_page_stays(folder, name, content, message):
    before = write_page("lab").read_bytes()
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        write_page("lab")
    assert "\n" not in str(refusal.value)
    assert (folder / "index.html").read_bytes() == before


def test_an_unknown_experiment_is_refused(house):
    with pytest.raises(ValueError, match="experiment 'lob'"):
        write_page("lob")


def test_no_machine_path_is_on_the_page(folder):
    html = write_page("lab").read_text(encoding="utf-8")
    assert str(folder) not in html and os.environ["DFD_OUT"] not in html


class TestDiff:
    @pytest.fixture
    def sides(self, tmp_path):
        table = made.metrics(made.predictions(NAMES[:3]))
        for side in ("before", "after"):
            write_table(table, tmp_path / side / "metrics.csv")
        return tmp_path / "before", tmp_path / "after", table

    def test_equal_reports_have_no_difference(self, sides):
        before, after, _ = sides
        table = diff(before, after)
        assert table.empty
        assert list(table) == [*METRICS_KEY, "metric", "before", "after", "change", "outside", "what"]

    def test_each_number_that_moved_is_listed_once_the_largest_first(self, sides):
        before, after, table = sides
        table = table.copy()
        row = table.index[(table["model"] == "lenet") & (table["split"] == "test") & (table["level"] == "frame")][0]
        auc, brier = table.loc[row, "auc"], table.loc[row, "brier"]
        table.loc[row, ["auc", "brier"]] = [auc - 0.2, brier + 0.001]
        write_table(table, after / "metrics.csv")
        moved = diff(before, after)
        assert moved["metric"].tolist() == ["auc", "brier"]
        assert moved["outside"].tolist() == [True, False]
        assert np.allclose(moved["change"], [-0.2, 0.001], atol=1e-5)
        assert np.allclose(moved.loc[0, ["before", "after"]].astype(float), [auc, auc - 0.2], atol=1e-5)
        assert moved.loc[0, METRICS_KEY].tolist() == table.loc[row, METRICS_KEY].tolist()

    def test_models_that_only_one_has_are_named_once_a_row(self, sides):
        before, after, table = sides
        renamed = table.replace({"model": {"lenet": "lenet5"}})
        write_table(renamed, after / "metrics.csv")
        moved = diff(before, after)
        assert set(moved["what"]) == {"added", "removed"}
        assert (moved["model"][moved["what"] == "added"] == "lenet5").all()
        assert (moved["what"] == "removed").sum() == (table["model"] == "lenet").sum()

    def test_a_number_that_appeared_is_a_change_that_is_not_outside(self, sides):
        before, after, table = sides
        gap = table.copy()
        gap.loc[0, ["auc", "auc_low", "auc_high"]] = np.nan
        write_table(gap, before / "metrics.csv")
        moved = diff(before, after)
        assert moved["metric"].tolist() == ["auc"]
        assert not moved["outside"].iloc[0]

    def test_reports_without_intervals_can_be_compared(self, sides):
        before, after, table = sides
        plain = table[[name for name in table if not name.endswith(("_low", "_high"))]]
        write_table(plain, before / "metrics.csv")
        write_table(plain.assign(auc=plain["auc"] - 0.1), after / "metrics.csv")
        moved = diff(before, after)
        assert set(moved["metric"]) == {"auc"} and not moved["outside"].any()

    def test_words_say_each_thing_once(self, sides):
        before, after, table = sides
        assert in_words(diff(before, before)) == ["nothing moved"]
        changed = table.replace({"model": {"minivggnet": "minivgg"}})
        test = (changed["model"] == "lenet") & (changed["split"] == "test")
        changed.loc[test, "auc"] = 0.001  # by frame and by clip: two numbers, outside of any interval
        changed.loc[changed.index[test][0], "brier"] += 1e-3
        before_table = table.copy()
        before_table.loc[test, ["auc", "auc_low", "auc_high"]] = [0.9, 0.8, 0.95]
        write_table(before_table, before / "metrics.csv")
        write_table(changed, after / "metrics.csv")
        lines = in_words(diff(before, after))
        assert sum("minivggnet" in line for line in lines) == 1 and sum(line.startswith("only before: minivggnet (") for line in lines) == 1
        assert sum(line.startswith("only after: minivgg (") for line in lines) == 1
        assert [line for line in lines if line.startswith("  ")] == ["  lenet, test, frame and video: AUC .900 → .001 (−.899)"]
        assert lines[-1] == "1 other number moved, within that interval or without one, by .001 at most"

    def test_a_folder_without_metrics_is_refused(self, sides, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"metrics\.csv"):
            diff(sides[0], tmp_path / "nowhere")


def test_a_dark_page_turns_charts_round_and_no_face():
    assert describe("leaderboard").chart and not describe("contact_sheet").chart and not describe("my_own").chart


@pytest.mark.parametrize("stem", ["pair_matrix", "pairs", "training_curves_resnet", "split_overview", "ensemble_gain"])
def test_both_names_of_a_figure_have_its_caption(stem):
    assert describe(stem).known


def test_a_longer_word_is_not_a_variant():
    assert not describe("splitting").known


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (share(0.9996), "1.000"), (share(-0.0004), ".000"), (share(float("nan")), "–"), (share(12.5, 1), "12.5"), (signed(1.5), "+1.500"),
        (signed(-0.0004), ".000"), (signed(float("nan")), "–"), (between(-0.1, -0.2, -0.05), "−.100 (−.200 to −.050)"),
        (count(1, "class", "classes"), "1 class"), (count(0, "class", "classes"), "0 classes"), (count(float("nan")), "–"),
        (duration(59.6), "1 min 0 s"), (duration(3599.7), "1 h 0 min"), (duration(0), "0.0 s"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_read_them(written, wanted):
    assert written == wanted
