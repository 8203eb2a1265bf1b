"""Figures show what the tables say, refuse what they cannot show, and are written whole and reproducibly."""

import re
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import synthetic_promises
import synthetic_report as made
from sklearn.metrics import roc_curve

from dfd_lib import figures
from dfd_lib.figures.style import ACCENT, spread

matplotlib.rcParams["figure.max_open_warning"] = 0  # every kind of figure is open at once here

FEW, MANY = made.NAMES[:3], made.NAMES


def boxes() -> pd.DataFrame:
    """Reals of 50, 100, 150 and 200 px, fakes of half of it."""
    return pd.DataFrame({"label": [0, 0, 0, 0, 1, 1], "box_w": [50.0, 90, 150, 20, 25, 75], "box_h": [40.0, 100, 110, 200, 10, 50]})


def draw_all(names: list[str], seeds=(1,)) -> dict[str, plt.Figure]:
    predictions = made.predictions(names, seeds=seeds)
    metrics = made.metrics(predictions)
    promises = synthetic_promises.promises(tuple(names), groups=10, seeds=seeds)
    return {
        "leaderboard": figures.leaderboard(metrics),
        "roc": figures.roc(predictions, metrics),
        "confusions": figures.confusions(predictions),
        "reliability": figures.reliability(promises.reliability),
        "operating": figures.operating(promises.operating),
        "verdicts": figures.verdicts(promises.conformal),
        "scores": figures.scores(predictions),
        "search_progress": figures.search_progress(made.trials()),
        "search_scatter": figures.search_scatter(made.trials()),
        "training_curves": figures.training_curves(made.histories(names, seeds=seeds)),
        "slices": figures.slices(made.slices(metrics)),
        "pair_matrix": figures.pair_matrix(made.pairs(names)),
        "diversity": figures.diversity(made.diversity(names)),
        "robustness": figures.robustness(made.robustness(names, seeds)),
        "robustness_accuracy": figures.robustness(made.robustness(names, seeds), "accuracy"),
        "cross": figures.cross(made.cross(names)),
        "left_out": figures.left_out(made.leave_out()),
        "ensemble_gain": figures.ensemble_gain(made.ensembles(names[:5])),
        "split_overview": figures.split_overview(made.split()),
        "coverage": figures.coverage(made.coverage()),
        "differences": figures.differences(made.differences()),
        "leak_tax": figures.leak_tax(made.leak_tax()),
        "shortcuts": figures.shortcuts(made.shortcuts()),
        "face_sizes": figures.face_sizes(boxes(), 100),
    }


@pytest.fixture(scope="module", params=[(FEW[:2], (1,)), (MANY, (1,)), (FEW, (1, 2, 3))], ids=["two", "fourteen", "seeds"])
def drawn(request):
    every = draw_all(*request.param)
    yield request.param[0], every
    for figure in every.values():
        plt.close(figure)


@pytest.fixture(autouse=True)
def closed():
    """Figures of one test are closed after it; those of the module's fixture are not its own."""
    before = set(plt.get_fignums())
    yield
    for number in set(plt.get_fignums()) - before:
        plt.close(number)


def texts(figure: plt.Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()]


def test_no_text_is_cut_off_at_the_figure_s_edge(drawn):
    for name, figure in drawn[1].items():
        figure.draw_without_rendering()
        frame = figure.bbox.padded(1.5)
        for axis in figure.axes:
            if axis.get_visible():
                inside = axis.get_tightbbox()
                assert frame.x0 <= inside.x0 and inside.x1 <= frame.x1, name
                assert frame.y0 <= inside.y0 and inside.y1 <= frame.y1, name


def test_every_model_is_named_once_where_it_has_a_panel(drawn):
    names, every = drawn
    for name in ("roc", "confusions", "reliability", "scores", "training_curves"):
        titles = [axis.get_title(loc="left") for axis in every[name].axes if axis.get_visible() and axis.get_title(loc="left")]
        assert titles == names, name


def test_figures_have_the_report_s_width_and_no_small_print(drawn):
    for name, figure in drawn[1].items():
        assert figure.get_size_inches()[0] <= 9, name
        assert min(text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()) >= 7.5, name


def test_leaderboard_draws_every_interval_where_the_table_says():
    metrics = made.metrics(made.predictions(FEW))
    axis = figures.leaderboard(metrics).axes[0]
    rows = metrics[(metrics["split"] == "test") & (metrics["level"] == "frame") & (metrics["model"] != "majority")].set_index("model")
    order = [label.get_text() for label in axis.get_yticklabels()]
    lines = [collection.get_segments()[0] for collection in axis.collections]
    for place, name in enumerate(order):
        drawn = [line for line in lines if np.allclose(line[:, 1], place)]
        assert np.allclose(drawn[0][:, 0], rows.loc[name, ["auc_low", "auc_high"]].to_numpy(float))


@pytest.mark.parametrize(("metric", "ascending"), [("auc", False), ("log_loss", True)])
def test_leaderboard_puts_the_best_at_video_level_on_top(metric, ascending):
    metrics = made.metrics(made.predictions(MANY))
    rows = metrics[(metrics["split"] == "test") & (metrics["level"] == "video") & (metrics["model"] != "majority")]
    wanted = rows.set_index("model")[metric].sort_values(ascending=ascending).index.tolist()
    axis = figures.leaderboard(metrics, metric).axes[0]
    low, high = axis.get_ylim()
    assert low > high, "the first row must be the highest"
    values = rows.set_index("model")[metric]
    order = [label.get_text() for label in axis.get_yticklabels()]
    assert values[order].tolist() == values[wanted].tolist()


def test_leaderboard_is_green_for_the_model_that_val_chose_not_for_the_best_on_test():
    metrics = made.metrics(made.predictions(FEW))
    metrics.loc[(metrics["split"] == "val") & (metrics["model"] == "minivggnet"), "auc"] = 1.0
    axis = figures.leaderboard(metrics).axes[0]
    order = [label.get_text() for label in axis.get_yticklabels()]
    green = [collection for collection in axis.collections if matplotlib.colors.to_hex(collection.get_color()[0]) == ACCENT.lower()]
    assert [order[round(collection.get_segments()[0][0, 1])] for collection in green] == ["minivggnet"]
    assert order[0] != "minivggnet"


def test_leaderboard_says_the_majority_s_accuracy_and_the_mean_of_seeds():
    metrics = made.metrics(made.predictions(FEW, seeds=(1, 2)))
    said = texts(figures.leaderboard(metrics, "accuracy"))
    assert any("majority class .520" in text for text in said)
    rows = metrics[(metrics["split"] == "test") & (metrics["level"] == "video") & (metrics["model"] == "resnet")]
    assert f"{rows['accuracy'].mean():.3f}"[1:] in said


def test_roc_curves_are_scikit_learns():
    predictions = made.predictions(FEW)
    figure = figures.roc(predictions)
    for axis, name in zip(figure.axes, FEW, strict=True):
        rows = predictions[(predictions["model"] == name) & (predictions["split"] == "test")]
        false_positives, true_positives, _ = roc_curve(rows["label"], rows["p_fake"])
        assert np.array_equal(axis.lines[-1].get_xydata(), np.column_stack([false_positives, true_positives]))


def test_confusion_counts_a_score_at_the_threshold_as_fake():
    rows = made.predictions(["lenet"], rows=16)
    table = rows[rows["split"] == "test"].assign(p_fake=0.25)
    table.loc[table.index[:5], "p_fake"] = 0.75
    reals = int((table["label"].iloc[:5] == 0).sum())
    fakes = 5 - reals
    said = [text.get_text().split("\n")[0] for text in figures.confusions(table, threshold=0.75).axes[0].texts]
    assert said == [str(8 - reals), str(reals), str(8 - fakes), str(fakes)]


def test_reliability_draws_every_bin_with_its_interval_before_and_after_calibration():
    table = synthetic_promises.promises().reliability.query("level == 'video'")
    figure = figures.reliability(table)
    for axis, name in zip(figure.axes, ["weak", "strong"], strict=True):
        dots = np.concatenate([one.get_offsets() for one in axis.collections[1::2]])
        own = table[table["model"] == name]
        assert np.allclose(dots, own[["p_fake", "fake"]])
        lines = [segment for one in axis.collections[::2] for segment in one.get_segments()]
        assert np.allclose([line[:, 1] for line in lines], own[["fake_low", "fake_high"]], equal_nan=True)
        assert [text.get_text() for text in axis.texts if text.get_text()] == [one for one in own["method"].unique() if one != "none"]


def test_operating_shows_what_came_of_each_promise_and_why_there_is_none():
    table = synthetic_promises.promises().operating.query("level == 'video'")
    axes = figures.operating(table).axes
    assert [axis.get_title(loc="left") for axis in axes] == [f"at most {rate} % false alarms" for rate in (1, 5, 10)]
    assert [text.get_text() for text in axes[0].texts] == ["not available:\n40 reals in calib, 100 needed"]
    dots = [line.get_xydata() for line in axes[1].lines if line.get_marker() == "o"]
    rows = table[table["rule"] == "false_alarms_5"]
    assert np.allclose([one[:, 0] for one in dots], rows[["false_alarm_rate", "recall"]].T)
    assert np.array_equal([one[:, 1].round() for one in dots], [[0, 1], [0, 1]]), "each model's marks stand in its row"


def test_verdicts_show_the_measured_errors_beside_the_promised():
    table = synthetic_promises.promises().conformal.query("level == 'video'")
    axes = figures.verdicts(table).axes
    assert [text.get_text() for text in axes[0].texts] == ["not available:\n20 groups in calib, 99 needed"]
    for axis, rate in zip(axes[1:], (0.05, 0.1, 0.2), strict=True):
        assert any(np.allclose(line.get_xdata(), rate) for line in axis.lines if line.get_linestyle() == ":")
        dots = [line.get_xdata() for line in axis.lines if line.get_marker() == "o"]
        assert np.allclose(dots, table.loc[table["promised"] == rate, ["error_real", "error_fake", "unsure"]].T)


def test_a_calib_that_can_promise_nothing_is_drawn_and_says_so():
    promises = synthetic_promises.promises(groups=2)
    reasons = texts(figures.verdicts(promises.conformal))
    assert [text for text in reasons if "available" in text] == [
        f"not available:\n2 groups in calib, {needed} needed" for needed in (99, 19, 9, 4)
    ]
    assert sum("available" in text for text in texts(figures.operating(promises.operating))) == 3


def test_score_histograms_each_add_up_to_one():
    axis = figures.scores(made.predictions(FEW)).axes[0]
    for stairs in axis.patches[::2]:
        assert stairs.get_data().values.sum() == pytest.approx(1)


def test_training_curves_mark_the_first_best_epoch_of_val():
    histories = made.histories(["lenet"], epochs=6).assign(val_auc=[0.6, 0.9, 0.7, 0.9, 0.8, 0.5])
    auc = figures.training_curves(histories).axes[1]
    marks = [line.get_xydata().tolist() for line in auc.lines if line.get_marker() == "o"]
    assert marks == [[[2.0, 0.9]]]


def test_training_curves_survive_an_auc_that_was_never_defined():
    histories = made.histories(["lenet"]).assign(val_auc=np.nan, auc=np.nan)
    assert not any("best" in text for text in texts(figures.training_curves(histories)))


def test_pair_matrix_shows_each_pair_once_with_the_right_sign():
    pairs = pd.DataFrame(
        {
            "left": ["a", "a", "b"], "right": ["b", "c", "c"], "level": "video", "metric": "auc",
            "difference": [0.05, -0.02, -0.07], "significant": [True, False, True],
        }
    )  # fmt: skip
    axis = figures.pair_matrix(pairs).axes[0]
    columns = [label.get_text() for label in axis.get_xticklabels()]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    cells = {
        (columns[int(text.get_position()[0])], rows[int(text.get_position()[1])]): text.get_text() for text in axis.texts if text.get_text()
    }
    # row minus column: c is ahead of a by .02 and of b by .07; a is ahead of b by .05
    assert cells == {("a", "c"): "+.020", ("b", "c"): "+.070*", ("b", "a"): "+.050*"}
    assert rows == ["c", "a"], "the best on top"


def test_slices_of_one_class_fall_back_to_accuracy():
    table = made.slices(made.metrics(made.predictions(FEW)))
    labels = {axis.get_title(loc="left"): axis.get_xlabel() for axis in figures.slices(table, level="frame").axes}
    assert labels == {"by method": "accuracy", "by face size": "AUC"}


def test_slices_bring_out_the_model_that_val_chose():
    table = made.slices(made.metrics(made.predictions(FEW)))
    on_val = table.assign(split="val", auc=table["model"].map({"lenet": 0.9, "minivggnet": 0.8, "resnet": 0.7}))
    assert any("lenet" in text for text in texts(figures.slices(pd.concat([table, on_val]))))


def test_slices_of_one_value_are_left_out():
    table = made.slices(made.metrics(made.predictions(FEW)))
    shown = {axis.get_title(loc="left") for axis in figures.slices(table, level="frame").axes}
    first = table["slice"].iloc[0]
    lone = table[(table["slice"] != first) | (table["value"] == table.loc[table["slice"] == first, "value"].iloc[0])]
    assert {axis.get_title(loc="left") for axis in figures.slices(lone, level="frame").axes} == shown - {f"by {first.replace('_', ' ')}"}
    alone = lone[lone["slice"] == first]
    assert any("nothing to compare" in text for text in texts(figures.slices(alone, level="frame")))


def test_slices_keep_the_order_of_the_table_and_say_n():
    table = made.slices(made.metrics(made.predictions(FEW)))
    axis = figures.slices(table, level="frame").axes[1]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["small  (n 200)", "medium  (n 133)", "large  (n 100)"]


def test_cross_draws_a_line_for_what_has_a_number_and_for_nothing_else():
    table = made.cross(("lenet", "meso4"))
    known = table[(table["model"] == "lenet") | (table["trained_on"] == "drawn")]
    unknown = known.assign(auc=np.where((known["model"] == "lenet") & (known["trained_on"] == "photos"), np.nan, known["auc"]))
    for rows, lines in ((known, ["lenet, drawn", "lenet, photos", "meso4, drawn"]), (unknown, ["lenet", "meso4"])):
        [axis] = figures.cross(rows).axes
        assert [label.get_text() for label in axis.get_yticklabels()] == lines
        cells = {text.get_text(): text for text in axis.texts}
        assert len(axis.texts) == 2 * len(lines) + 1 and set(cells) >= {".800 (.750–.850)", ".520 (.470–.570) ?"}
        assert cells[".800 (.750–.850)"].get_fontweight() == "bold", "at home"
    assert "trained on drawn" in cells
    said = texts(figures.cross(table.assign(auc=np.nan)))
    assert said == ["No test part has both classes: there is no AUC."]


def test_cross_of_many_test_parts_stays_in_its_cells():
    figure = figures.cross(made.cross(("lenet",), tuple(f"data-set-{number}" for number in range(7))))
    [axis] = figure.axes
    boxes = [text.get_window_extent() for text in axis.texts if "(" in text.get_text()]
    assert max(box.width for box in boxes) < axis.get_window_extent().width / 7
    assert max(box.height for box in boxes) < axis.get_window_extent().height / 7


def test_ensemble_gain_shows_the_best_on_val_and_their_members():
    table = made.ensembles(FEW)
    sizes, matrix, gain = figures.ensemble_gain(table, best=4).axes
    best = table[table["rule"] != "single"].sort_values("val_auc", ascending=False).head(4)
    assert [label.get_text().replace(" ", "_") for label in matrix.get_yticklabels()] == best["rule"].tolist()
    assert np.allclose(gain.collections[1].get_offsets()[:, 0], best["gain"])
    dots = sum(len(line.get_xydata()) for line in sizes.lines if line.get_marker() == "o")
    assert dots == len(table)
    inside = matrix.collections[1].get_offsets()
    columns = [label.get_text() for label in matrix.get_xticklabels()]
    for place, members in enumerate(best["members"]):
        assert {columns[int(x)] for x, y in inside if y == place} == set(members.split("+"))


def test_costs_are_green_for_what_is_served_and_bear_a_missing_interval():
    rows = [("large", False, 9.0, 4.2, 0.9, 0.85, 0.93), ("small", True, 2.0, 1.1, 0.8, np.nan, np.nan)]
    figure = figures.costs(
        pd.DataFrame(rows, columns=["name", "served", "milliseconds", "megabytes", "test_auc", "test_auc_low", "test_auc_high"])
    )
    score, milliseconds, megabytes = figure.axes
    assert score.collections[0].get_segments()[0][:, 0].tolist() == [0.85, 0.93]
    green = matplotlib.colors.to_rgba(ACCENT)
    assert [tuple(color) == green for color in score.collections[1].get_facecolors()] == [False, True]
    for axes, widths in ((milliseconds, [9.0, 2.0]), (megabytes, [4.2, 1.1])):
        assert [bar.get_width() for bar in axes.patches] == widths
        assert [bar.get_facecolor() == green for bar in axes.patches] == [False, True]


def test_one_model_is_no_mistake_and_the_figures_say_so():
    alone = made.ensembles(["lenet"])
    assert texts(figures.ensemble_gain(alone)) == ["One model: there is nothing to combine."]
    assert "no other" in texts(figures.diversity(pd.DataFrame()))[0]
    assert "no other" in texts(figures.pair_matrix(pd.DataFrame()))[0]


def test_ensembles_without_a_test_score_are_drawn_without_gain():
    table = made.ensembles(FEW).assign(gain=np.nan, gain_low=np.nan, gain_high=np.nan)
    gain = figures.ensemble_gain(table).axes[2]
    assert not gain.texts


def test_diversity_shows_every_pair_in_both_maps():
    table = made.diversity(MANY)
    figure = figures.diversity(table)
    for axis, column in zip(figure.axes, ("disagreement", "error_correlation"), strict=True):
        said = sorted(text.get_text() for text in axis.texts if text.get_text())
        assert len(said) == len(table)
        assert sorted(float(text.replace("−", "-")) for text in said) == pytest.approx(sorted(table[column]), abs=0.0051)


def test_split_overview_has_the_counts_and_their_nouns():
    said = texts(figures.split_overview(made.split()))
    assert "30 groups · 154 videos" in said
    assert "1 group · 38 videos" in said
    assert said.count("616") == 2


def test_coverage_counts_every_file_of_a_known_class_once():
    table = made.coverage(files=90, skipped=9)
    table.loc[0, "label"] = -1
    labels = [label.get_text() for label in figures.coverage(table).axes[0].get_yticklabels()]
    counted = sum(int(word) for label in labels for word in label.split() if word.isdigit())
    assert counted == 89
    assert sum("not readable" in label for label in labels) == 2


def test_coverage_of_photos_has_no_panel_about_frames():
    photos = made.coverage().assign(frames_read=1, faces_kept=1, faces_found=1)
    assert len(figures.coverage(photos).axes) == 1


def test_differences_draw_every_interval_and_are_green_where_they_warn():
    table = made.differences()
    axis = figures.differences(table).axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    rows = table.assign(fact=table["fact"].str.replace("_", " ")).set_index("fact").loc[names]
    lines, dots = axis.collections
    drawn = np.array([segment[:, 0] for segment in lines.get_segments() if len(segment)])
    assert np.allclose(drawn, rows[["auc_low", "auc_high"]].dropna().to_numpy(float))
    assert np.allclose(dots.get_offsets()[:, 0], rows["auc"]) and rows["auc"].is_monotonic_decreasing
    green = [matplotlib.colors.to_hex(color) == ACCENT.lower() for color in dots.get_facecolors()]
    assert green == rows["warn"].tolist()
    low, high = axis.get_ylim()
    assert low > high, "the first row must be the highest"


def test_leak_tax_draws_the_honest_interval_over_the_printed_one():
    table = made.leak_tax()
    for axis, metric in zip(figures.leak_tax(table).axes, ("accuracy", "auc"), strict=True):
        printed, honest, dots = axis.collections
        for lines, how in ((printed, "_rows"), (honest, "")):
            drawn = np.array([segment[:, 0] for segment in lines.get_segments()])
            assert np.allclose(drawn, table.loc[:1, [f"{metric}{how}_low", f"{metric}{how}_high"]].to_numpy(float))
        assert np.allclose(dots.get_offsets()[:, 0], table.loc[:1, metric])
    assert "accuracy: +.070 (+.050 to +.090) by the leak" in texts(figures.leak_tax(table))
    assert "`leak_tax: {model: lenet}`" in " ".join(texts(figures.leak_tax(None)))


def test_shortcuts_draw_every_interval_and_are_green_where_they_warn():
    table = made.shortcuts()
    lines, dots, shuffled = figures.shortcuts(table).axes[0].collections
    assert np.allclose([segment[:, 0] for segment in lines.get_segments()], table[["auc_low", "auc_high"]])
    green = [matplotlib.colors.to_hex(color) == ACCENT.lower() for color in dots.get_facecolors()]
    assert green == table["warn"].tolist()
    assert shuffled.get_offsets().tolist() == [[0.495, 3]]
    assert "Too few groups" in " ".join(texts(figures.shortcuts(table.assign(auc=np.nan))))
    assert "Nothing" in " ".join(texts(figures.shortcuts(table.head(0))))


def test_face_sizes_are_the_boxes_longer_sides():
    axis = figures.face_sizes(boxes(), 100).axes[0]
    for line, sides in zip(axis.lines, ([50, 100, 150, 200], [25, 75]), strict=False):
        steps = line.get_xydata()
        assert sorted(set(steps[1:, 0])) == sides
        assert [steps[steps[:, 0] == side, 1].max() for side in sides] == pytest.approx((np.arange(len(sides)) + 1) / len(sides))
    assert axis.lines[2].get_xdata() == [100, 100]


def test_contact_sheet_shows_each_crop_in_its_class_s_row():
    random = np.random.default_rng(0)
    crops = {"real": list(random.integers(0, 256, (3, 8, 8, 3), np.uint8)), "fake": list(random.uniform(0, 255, (2, 8, 8, 3)))}
    axes = figures.contact_sheet(crops).axes
    assert np.array_equal(axes[1].images[0].get_array(), crops["real"][1])
    assert np.array_equal(axes[4].images[0].get_array(), np.floor(crops["fake"][1]))
    assert not axes[5].images
    with pytest.raises(ValueError, match="expected crops, came none"):
        figures.contact_sheet({"real": [], "fake": []})


@pytest.mark.parametrize("name", ["a $x^2$ _{b} <script>", "é ß\n", "%s {0} \\alpha"])
def test_names_are_shown_as_they_are(name, tmp_path):
    predictions = made.predictions([name, "lenet"])
    assert name in texts(figures.roc(predictions))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: figures.leaderboard(made.metrics(made.predictions(FEW)), split="calib"),
            "expected split 'calib', came only 'test', 'val'",
        ),
        (lambda: figures.leaderboard(made.runs()), "missing split, level, auc"),
        (lambda: figures.roc(made.predictions(FEW), level="video"), "expected level 'video', came only 'frame'"),
        (lambda: figures.scores(made.predictions(FEW).assign(label=1)), "rows of both classes in split 'test', came only fakes"),
        (lambda: figures.training_curves(made.histories().iloc[:0]), "at least one row"),
        (lambda: figures.ensemble_gain(made.ensembles().iloc[:0]), "at least one row"),
        (lambda: figures.slices(made.slices(made.metrics(made.predictions(FEW))), model="vgg"), "expected model 'vgg'"),
        (
            lambda: figures.operating(synthetic_promises.promises().operating, level="clip"),
            "expected level 'clip', came only 'frame', 'video'",
        ),
        (lambda: figures.verdicts(synthetic_promises.promises().operating), "missing error_real,"),
        (
            lambda: figures.reliability(pd.concat(synthetic_promises.promises().reliability.assign(dataset=name) for name in "ab")),
            "expected one data set, came a, b. Choose one first.",
        ),
        (lambda: figures.coverage(made.coverage().assign(label=-1)), "coverage with a known label: expected at least one row"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(draw, message):
    open_before = plt.get_fignums()
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        draw()
    assert "\n" not in str(refusal.value)
    assert plt.get_fignums() == open_before


def test_two_data_sets_are_not_drawn_as_one():
    metrics = made.metrics(made.predictions(FEW))
    both = pd.concat([metrics, metrics.assign(dataset="other")])
    with pytest.raises(ValueError, match="Choose one dataset and one aggregator first"):
        figures.leaderboard(both)


def test_save_writes_equal_bytes_without_metadata_and_closes(tmp_path):
    for name in ("one", "two"):
        figure = figures.ensemble_gain(made.ensembles(FEW))
        assert figures.save(figure, tmp_path / "new" / f"{name}.png") is figure
        assert not plt.fignum_exists(figure.number)
    first, second = ((tmp_path / "new" / f"{name}.png").read_bytes() for name in ("one", "two"))
    assert first == second
    assert b"tEXt" not in first
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == ["one.png", "two.png"]


def test_save_refuses_another_format(tmp_path):
    figure = figures.split_overview(made.split())
    with pytest.raises(ValueError, match=r"ends in \.png"):
        figures.save(figure, tmp_path / "split.pdf")


def test_the_caller_s_style_changes_nothing_and_is_left_alone():
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "xtick.labelsize": 40}):
        figure = figures.split_overview(made.split())
        assert matplotlib.rcParams["font.size"] == 30
    assert max(text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()) < 12


def test_spread_fills_the_room_evenly():
    places = np.sort(spread(100, 1.0))
    assert places[0] >= -0.5 and places[-1] < 0.5
    assert np.diff(places).max() < 0.03


def test_importing_figures_loads_no_tensorflow():
    code = "import sys, dfd_lib.figures; print(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


# ---- searches


def test_the_best_so_far_is_the_running_maximum_in_the_order_of_the_draws():
    trials = made.trials(12)
    (axis,) = figures.search_progress(trials).axes
    best, *dots = axis.lines
    drawn = trials.sort_values("trial")
    expected = drawn["val_auc"].fillna(-np.inf).cummax()
    np.testing.assert_allclose(best.get_ydata(), expected)
    full, hollow = (set(dot.get_xdata()) for dot in dots)
    assert hollow == set(drawn.loc[drawn["stopped"] == "early", "trial"])
    assert full | hollow == set(drawn["trial"])


def test_a_scatter_has_a_panel_for_each_setting_that_varied():
    trials = made.trials(12).assign(optimizer="adam")
    figure = figures.search_scatter(trials)
    shown = {axis.get_xlabel(): axis for axis in figure.axes if axis.get_xlabel()}
    assert set(shown) == {"learning_rate", "width", "padding"}
    assert shown["learning_rate"].get_xscale() == "log"
    assert [label.get_text() for label in shown["padding"].get_xticklabels()] == ["same", "valid"]
    every, best = shown["learning_rate"].lines
    assert len(every.get_xdata()) == 11  # the trial that failed has no score
    assert best.get_xdata()[0] == trials["learning_rate"][0]
    assert figures.search_scatter(trials[["trial", "val_auc"]].assign(width=1.0)).axes  # nothing varied: it says so
