"""Intervals and the search for ensembles, against loops over scikit-learn."""

import numpy as np
import pandas as pd
from measure import Row, race


def scores(models: int, crops: int, splits: tuple[str, ...] = ("val",), seed: int = 1) -> pd.DataFrame:
    """Predictions at level frame: models that err together, crops that come in groups of about twenty."""
    rng = np.random.default_rng(seed)
    parts = []
    for split in splits:
        label = rng.integers(0, 2, crops)
        group = rng.integers(0, max(crops // 20, 6), crops)
        shared = 0.8 * rng.normal(size=crops) + 0.5 * rng.normal(size=group.max() + 1)[group]
        for model in range(models):
            logit = 1.5 * (2 * label - 1) + shared + rng.normal(size=crops) * (1 + model / models)
            parts.append(
                pd.DataFrame(
                    {
                        "model": f"m{model}",
                        "seed": 1,
                        "dataset": "drawn",
                        "split": split,
                        "level": "frame",
                        "condition": "clean",
                        "path": [f"{split}/{row}.png" for row in range(crops)],
                        "video": [f"{split}/{row}" for row in range(crops)],
                        "face": 0,
                        "frame": 0,
                        "group": [f"{split}-{one}" for one in group],
                        "label": label,
                        "p_fake": 1 / (1 + np.exp(-logit)),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def bench_intervals(tiny: bool) -> list[Row]:
    """All metrics of 12 models on 10,000 crops with 2,000 resamples of groups."""
    from dfd_lib.evaluation.uncertainty import intervals, resample_weights

    crops, resamples, sample = (400, 100, 2) if tiny else (10_000, 2_000, 10)
    table = scores(12, crops)
    label = table["label"].to_numpy()[:crops]
    group = table["group"].to_numpy()[:crops]
    p_fake = table["p_fake"].to_numpy().reshape(12, crops)

    def ours() -> None:
        weights = resample_weights(group, resamples, seed=1)
        for one in p_fake:
            intervals(label, one, group, weights)

    def theirs() -> None:
        rng = np.random.default_rng(1)
        rows_of = [np.flatnonzero(group == name) for name in np.unique(group)]
        for _ in range(sample):
            rows = np.concatenate([rows_of[one] for one in rng.integers(len(rows_of), size=len(rows_of))])
            for one in p_fake:
                plain_metrics(label[rows], one[rows])

    return [
        race(
            f"95 % intervals of 10 metrics, 12 models, {crops:,} crops, {resamples:,} resamples of groups",
            ours,
            theirs,
            reference="scikit-learn's metrics, resample by resample",
            target=10,
            scale=resamples / sample,
            budget=None if tiny else 10,
        )
    ]


def plain_metrics(label: np.ndarray, p_fake: np.ndarray) -> None:
    """The same ten metrics, one call each."""
    from sklearn import metrics

    called = p_fake >= 0.5
    for score in (metrics.accuracy_score, metrics.balanced_accuracy_score, metrics.precision_score, metrics.recall_score, metrics.f1_score):
        score(label, called)
    for score in (metrics.log_loss, metrics.brier_score_loss, metrics.roc_auc_score, metrics.average_precision_score):
        score(label, p_fake)
    false_alarm, hit, _ = metrics.roc_curve(label, p_fake)
    np.abs(false_alarm - (1 - hit)).argmin()  # the equal error rate


def bench_ensembles(tiny: bool) -> list[Row]:
    """All 1,023 subsets of ten members under five rules, with the gain's interval: closed form, of the twenty best by bootstrap."""
    from dfd_lib.evaluation.ensembles import search

    members, crops, sample = (4, 400, 2) if tiny else (10, 10_000, 6)
    table = scores(members, crops, ("val", "test"))
    subsets = 2**members - 1
    wide = {split: part.pivot(index="path", columns="model", values="p_fake").to_numpy() for split, part in table.groupby("split")}
    facts = {split: part[part["model"] == "m0"].sort_values("path") for split, part in table.groupby("split")}
    drawn = np.random.default_rng(1).random((sample, members)) < 0.5
    drawn[:, 0] = True  # no empty subset

    def theirs() -> None:
        for chosen in drawn:
            plain_rules(wide["val"][:, chosen], facts["val"], wide["test"][:, chosen], facts["test"])

    return [
        race(
            f"{subsets:,} subsets of {members} members x 5 rules, {crops:,} crops of val and of test, gains with intervals",
            lambda: search(table, level="frame", resamples=100 if tiny else 2_000),
            theirs,
            reference="scikit-learn, ensemble by ensemble, without intervals",
            target=10,
            scale=subsets / sample,
            budget=None if tiny else 30,
        )
    ]


def plain_rules(val: np.ndarray, val_facts: pd.DataFrame, test: np.ndarray, test_facts: pd.DataFrame) -> None:
    """AUC on val and test of one subset under each rule, as one would write it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score, roc_curve
    from sklearn.model_selection import GroupKFold, cross_val_predict

    label = val_facts["label"].to_numpy()

    def logits(p_fake: np.ndarray) -> np.ndarray:
        return np.log(p_fake / (1 - p_fake))

    weights = [roc_auc_score(label, one) - 0.5 for one in val.T]
    curves = [roc_curve(label, one) for one in val.T]
    thresholds = np.array([curve[2][np.argmax(curve[1] - curve[0])] for curve in curves])
    stacking = LogisticRegression()
    folded = cross_val_predict(stacking, logits(val), label, groups=val_facts["group"].to_numpy(), cv=GroupKFold(5), method="predict_proba")
    stacked = stacking.fit(logits(val), label).predict_proba(logits(test))
    pairs = [
        (val.mean(axis=1), test.mean(axis=1)),
        (logits(val).mean(axis=1), logits(test).mean(axis=1)),
        (np.average(val, axis=1, weights=weights), np.average(test, axis=1, weights=weights)),
        ((val >= thresholds).mean(axis=1), (test >= thresholds).mean(axis=1)),
        (folded[:, 1], stacked[:, 1]),
    ]
    for on_val, on_test in pairs:
        roc_auc_score(label, on_val)
        roc_auc_score(test_facts["label"], on_test)
