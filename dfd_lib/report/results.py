"""The page's sections about what came out: leaderboard, ensembles, slices, answers."""

import pandas as pd

from dfd_lib.formats import LOWER_IS_BETTER, METRIC_NAMES, count, duration, share
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.pairs import clip_rule_of
from dfd_lib.report.source import Report
from dfd_lib.report.verdict import MAJORITY, best_single, clean_rows, main_level, read_split

FEW_GROUPS = 20
"""With fewer groups, intervals from resampling them cover the truth less often than the 95 % they are meant to."""

TOP = 20
"""So many ensembles are shown; the rest are counted."""

_HINTS = {
    "auc": "chance that a random fake scores higher than a random real",
    "accuracy": "share of right answers at the threshold",
    "balanced_accuracy": "mean of the shares of reals and of fakes that are answered right",
    "precision": "of those called fake, the share that is fake",
    "recall": "of the fakes, the share called fake",
    "f1": "harmonic mean of precision and recall",
    "average_precision": "mean precision over all thresholds",
    "eer": "error rate where false alarms and misses are equally frequent; lower is better",
    "log_loss": "mean of -log of the probability given to the truth; lower is better",
    "brier": "mean squared error of p_fake; lower is better",
    "ece": "mean gap between p_fake and the observed share of fakes; lower is better; chance on few rows raises it, so it has no interval",
}


def leaderboard(report: Report) -> Section:
    """Every model with every metric, by data set and level."""
    blocks: list[Block] = [*report.pictures("leaderboard")]
    if report.metrics is not None:
        rows = clean_rows(report.metrics)
        rows = rows[rows["split"] == read_split(rows)]
        first = main_level(rows)
        order = sorted(rows.groupby(["dataset", "level"], sort=False), key=lambda part: part[0][1] != first)
        blocks += _few_groups(report, read_split(rows))
        for (dataset, level), part in order:
            several = part.groupby("model")["seed"].nunique().max() > 1
            if several:
                blocks.append(_over_seeds(part, level, dataset, folded=level != first))
            blocks.append(_scores(report, part, level, dataset, folded=bool(level != first or several)))
    return Section("leaderboard", "Which model is best", blocks)


def _few_groups(report: Report, part: str) -> list[Block]:
    """A warning where the part that is read has too few groups for its intervals to be wide enough."""
    table = report.table("split.csv")
    groups = 0 if table is None else int(table.loc[table["split"] == part, "groups"].sum())
    if not 0 < groups < FEW_GROUPS:
        return []
    return [
        Words(
            [f"{part} has only {count(groups, 'group')}: from so few, intervals may well be too narrow. More people or scenes would tell."],
            "warning",
        )
    ]


def _over_seeds(rows: pd.DataFrame, level: str, dataset: str, folded: bool) -> Table:
    """One line a model: how its seeds did on average, and how far they lie apart."""
    models = rows[rows["model"] != MAJORITY].groupby("model")
    mean, spread, seeds = models[list(_HINTS)].mean(), models[list(_HINTS)].std(), models["seed"].nunique()
    body = []
    for model in mean["auc"].sort_values(ascending=False, kind="stable").index:
        cells = [number_cell(mean[name][model], _plus_minus(mean[name][model], spread[name][model])) for name in _HINTS]
        body.append([text_cell(model), number_cell(seeds[model], count(seeds[model])), *cells])
    columns = [Column("model"), Column("seeds", True), *(Column(METRIC_NAMES[name], True, hint) for name, hint in _HINTS.items())]
    caption = f"Mean over the seeds ± their standard deviation, {level} level on {rows['split'].iloc[0]}, data set {dataset}"
    return Table(caption, columns, body, folded=folded)


def _plus_minus(mean: float, spread: float) -> str:
    return share(mean) if pd.isna(spread) else f"{share(mean)} ± {share(spread)}"


def _scores(report: Report, rows: pd.DataFrame, level: str, dataset: str, folded: bool) -> Table:
    seeds = rows.loc[rows["model"] != MAJORITY, "seed"].nunique() > 1
    rows = rows.assign(last=rows["model"] == MAJORITY).sort_values(["last", "auc"], ascending=[True, False], kind="stable")
    # a number that is the best of its column is set in bold, ties included
    best = {name: rows.loc[~rows["last"], name].agg("min" if name in LOWER_IS_BETTER else "max") for name in _HINTS}
    columns = [Column("model"), *([Column("seed", True)] if seeds else [])]
    columns += [Column(METRIC_NAMES[name], True, hint) for name, hint in _HINTS.items()]
    body = []
    for _, row in rows.iterrows():
        seed = [number_cell(row["seed"], str(row["seed"]))] if seeds else []
        cells = [metric_cell(row, name, best=not row["last"] and row[name] == best[name]) for name in _HINTS]
        body.append([text_cell(row["model"]), *seed, *cells])
    caption = f"{level.capitalize()} level on {rows['split'].iloc[0]}, data set {dataset}: {_about(report, rows, level)}"
    return Table(caption, columns, body, folded=folded)


def _about(report: Report, rows: pd.DataFrame, level: str) -> str:
    noun = "face crop" if level == "frame" else "clip"
    rules = [rule for rule in dict.fromkeys(rows["aggregator"]) if rule != "none"]
    how = f", scored by the {' or '.join(rules)} of {report.frames_of_a_clip}, of several people the most suspicious" if rules else ""
    how += _by_networks(rows)
    size = count(rows["n"].max(), noun)
    return f"{size} ({count(rows['n_fake'].max())} fake){how}; fake where p_fake ≥ {share(rows['threshold'].iloc[0], 2)}."


def _by_networks(rows: pd.DataFrame) -> str:
    """How many frames networks of clips take, where there are some and the table tells."""
    whole = rows[(rows["aggregator"] == "none") & (rows["level"] == "video")]
    most = whole["frames_per_clip"].max() if "frames_per_clip" in whole else float("nan")
    return "" if pd.isna(most) else f", networks of clips see up to {count(most, 'frame')}"


def ensembles(report: Report) -> Section:
    """The best single model, the best ensembles on val, and the verdict."""
    said = [line for line in report.text("ensembles.txt").splitlines() if line.strip()]
    blocks: list[Block] = [Words(said)] if said else []
    blocks += report.pictures("ensembles", note=report.by_which_rule)
    table = report.table("ensembles.csv")
    if table is not None:
        blocks.append(_ensembles(report, table))
    diversity = report.pictures("diversity", note=f"Answers are those on val. {report.by_which_rule}")
    return Section("ensembles", "Do ensembles help", [*blocks, *diversity])


def _ensembles(report: Report, table: pd.DataFrame) -> Table:
    single, rest = table.iloc[:1], _combined(table).sort_values("val_auc", ascending=False, kind="stable")
    shown = pd.concat([single, rest.head(TOP)])
    columns = [Column("members"), Column("rule"), Column("size", True)]
    columns += [Column(title, True) for title in ("AUC on val", "AUC on test", "accuracy on test", "gain on test")]
    rows = [_ensemble(row, place) for place, (_, row) in enumerate(shown.iterrows())]
    left = len(rest) - TOP
    foot = f"{count(left, 'more ensemble')} in ensembles.csv." if left > 0 else ""
    foot = f"{_how_found(table)} {foot}".strip()
    caption = "The best single model, then the best ensembles on val; gain is AUC on test minus the single model's, with its 95 % interval"
    return Table(f"{caption}{clip_rule_of(report, table)}", columns, rows, foot)


def _how_found(table: pd.DataFrame) -> str:
    """How the search went where there were too many models to try all subsets, and what a member is."""
    greedy, seeds = (table[name] if name in table else pd.Series([0]) for name in ("greedy", "seeds"))
    said = []
    if greedy.any():
        every = count((table["rule"] == "single").sum(), "model")
        met = count(greedy.sum(), "ensemble")
        said.append(f"Of {every} every subset of the best on val was tried, and {met} that greedy forward selection met beyond them.")
    if seeds.max() > 1:
        said.append(f"Each model is the mean p_fake of its {count(seeds.max(), 'seed')}: an ensemble itself.")
    return " ".join(said)


def _combined(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of two and more members."""
    return table[table["rule"] != "single"]


def _ensemble(row: pd.Series, place: int) -> list[Cell]:
    name = str(row["members"]).replace("+", " + ") if place else f"{row['name']} (best single model)"
    scores = [metric_cell(row, name) for name in ("val_auc", "test_auc", "test_accuracy")]
    gain = metric_cell(row, "gain", sign=True) if place else Cell("–")
    return [Cell(name, place), text_cell(str(row["rule"]).replace("_", " ")), number_cell(row["size"], count(row["size"])), *scores, gain]


def slices(report: Report) -> Section:
    """The best model's metrics within slices of the data, beside the range of all models."""
    blocks: list[Block] = [*report.pictures("slices")]
    table, best = report.table("slices.csv"), best_single(report)
    if table is not None and best is not None:
        table = clean_rows(table) if "condition" in table else table
        rows = table[(table["split"] == best.split) & (table["level"] == best.level)]
        # a slice with one value alone is the whole part again
        telling = [(name, own) for name, own in rows.groupby("slice", sort=False) if own["value"].nunique() > 1]
        how = report.by_clip(best.rows["aggregator"].iloc[0]) if best.level == "video" else "by frame"
        blocks += [_slice(own, str(name), best.model, how) for name, own in telling]
    return Section("slices", "Where does it fail", blocks)


def _slice(rows: pd.DataFrame, name: str, model: str, how: str) -> Table:
    columns = [Column(name.replace("_", " ")), *(Column(title, True) for title in ("n", "fakes", "AUC", "accuracy", "AUC of all models"))]
    body = []
    for value, here in rows.groupby("value", sort=False):
        own = here[here["model"] == model]
        if own.empty:
            continue
        every = here.loc[here["model"] != MAJORITY, "auc"]
        cells = [number_cell(own[column].iloc[0], count(own[column].iloc[0])) for column in ("n", "n_fake")]
        scores = [metric_cell(_seeds(own, metric), metric) for metric in ("auc", "accuracy")]
        span = "–".join(dict.fromkeys([share(every.min()), share(every.max())]))
        body.append([Cell(str(value), len(body)), *cells, *scores, number_cell(every.median(), span)])
    return Table(f"{model} by {name.replace('_', ' ')} on {rows['split'].iloc[0]}, {how}", columns, body)


def _seeds(rows: pd.DataFrame, metric: str) -> pd.Series:
    """One seed's row with its interval, or the mean of several without."""
    return rows.iloc[0] if len(rows) == 1 else pd.Series({metric: rows[metric].mean()})


def answers(report: Report) -> Section:
    """The figures of what the models answer."""
    return Section("answers", "What the models answer", [*report.pictures("roc", "confusions", "scores")])


def facts(report: Report) -> list[tuple[str, str]]:
    """A few numbers for the page's head: how much data, how many models, how long."""
    found = []
    split, runs, ensembles = (report.table(name) for name in ("split.csv", "runs.csv", "ensembles.csv"))
    if split is not None:
        found.append(("face crops", f"{count(split['crops'].sum())} in {count(split['groups'].sum(), 'group')}"))
    if runs is not None:
        seeds = runs["seed"].nunique()
        found.append(("models", count(runs["model"].nunique()) + (f" × {count(seeds, 'seed')}" if seeds > 1 else "")))
    if ensembles is not None:
        found.append(("ensembles tried", count(len(_combined(ensembles)))))
    return found if runs is None else [*found, ("training time", duration(runs["seconds"].sum()))]
