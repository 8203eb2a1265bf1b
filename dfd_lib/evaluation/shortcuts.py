"""Can labels be guessed from what is not a face? A classifier that sees no pixel tries.

`dfd_lib.data.differences` judges each fact alone; here facts work together, a
family at a time and all at once, and the classifier is judged on groups that
it has not seen. What it gets, a network may be getting too.

============= ======= ======================================================
column        type    meaning
============= ======= ======================================================
family        text    see `FAMILIES`; `all of the file`, `all of the crop`, `everything`
kind          text    `file`: no face in it; `crop`: of the crop's pixels, so partly of the face
facts         text    the facts that vary, joined by commas
n, n_fake     integer files, and fakes among them
groups        integer their groups
auc           number  on groups that the classifier has not seen
auc_low       number  lower end of the 95 % interval from resampled groups, widened for what the folds
                      share; NaN = too few groups to tell
auc_high      number  upper end
shuffled      number  the same with shuffled labels, the mean of some times; NaN where it was not tried
shuffled_high number  the largest of these
warn          boolean labels can be guessed
============= ======= ======================================================
"""

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from dfd_lib.evaluation.uncertainty import bootstrap, interval, resample_weights
from dfd_lib.formats import between, count, share

FILE, CROP = "file", "crop"

FAMILIES = {
    "size and bit rate": (FILE, ("bytes", "bits_per_pixel", "frames", "seconds", "fps")),
    "resolution": (FILE, ("width", "height", "rotation")),
    "encoding": (FILE, ("format", "codec", "mode", "jpeg_quality", "jpeg_tables", "exif")),
    "finding the face": (FILE, ("files with a face", "faces per frame", "score")),
    "framing": (FILE, ("face_width", "face_height", "face_x", "face_y")),
    "brightness": (CROP, ("brightness", "contrast")),
    "sharpness": (CROP, ("sharpness",)),
    "colour": (CROP, ("saturation", "red", "blue")),
}
"""Name -> kind, and the facts that belong to it."""

ALL = {"all of the file": (FILE,), "all of the crop": (CROP,), "everything": (FILE, CROP)}

MARGIN = 0.02
"""A warning needs an interval that begins above .5 by more than this.

Less is no gain worth learning: of two independent normal scores, one with an AUC of .52
lifts another from .800 to .8004 (signal adds in squares), which no test set here could tell.
"""

FEW = 10
"""With fewer groups than this of either class no interval is given and nothing warns."""

COLUMNS = ("family", "kind", "facts", "n", "n_fake", "groups", "auc", "auc_low", "auc_high", "shuffled", "shuffled_high", "warn")

_FOLDS = 5
# resampling knows nothing of how the folds share what they were fitted on: Nadeau and Bengio's correction (2003,
# "Inference for the generalization error"), which turns a variance of 1 / folds into 1 / folds + 1 / (folds - 1)
_WIDER = (1 + _FOLDS / (_FOLDS - 1)) ** 0.5
_WORDS = 30  # of a fact's words the commonest so many count; rarer ones are one


def shortcuts(facts: pd.DataFrame, *, resamples: int = 1000, permutations: int = 10, seed: int = 0) -> pd.DataFrame:
    """How well labels can be guessed from each family of facts, and from all.

    Boosted trees (scikit-learn's HistGradientBoostingClassifier) and a logistic
    regression on ranks vote; both are fitted on four fifths of the groups and judged
    on the others, and scores are compared within a fifth. Labels are shuffled within
    groups that have both classes, and among those that have one.

    A row warns if its interval begins above .5 + `MARGIN`, and its AUC is above .5 beyond
    chance even where as many families are tried as there are (Bonferroni), and
    above all shuffled ones.

    Args:
        facts: one row a file: `label` (1 = FAKE, 0 = REAL), `group`, and any of the
            facts of `FAMILIES`, numbers or text; NaN and empty text are unknown.
        resamples: of the groups.
        permutations: how often labels are shuffled, for `everything`.
        seed: of folds, resamples and shuffles.

    Returns:
        A row for each family of which a fact varies and, where there are several
        families, the rows of `ALL`; see the table above.

    Raises:
        ValueError: `label` or `group` is missing, or a class.
    """
    _check(facts)
    label = facts["label"].to_numpy(int)
    group = np.unique(facts["group"].astype(str), return_inverse=True)[1]
    few = min(len(np.unique(group[label == one])) for one in (0, 1)) < FEW
    tried = _families(facts)
    rows = []
    if tried and not few:
        folds, weights = _folds(label, group, seed), resample_weights(group, resamples, seed)
        for name, (kind, columns) in tried.items():
            guess = _guess(_numbers(facts, columns), label, folds)
            rows.append({"family": name, "kind": kind, "facts": ", ".join(columns), **_judge(guess, label, group, weights, len(tried))})
        rows[-1] |= _shuffled(_numbers(facts, columns), label, group, folds, permutations, seed)
    else:
        rows = [{"family": name, "kind": kind, "facts": ", ".join(columns)} for name, (kind, columns) in tried.items()]
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS)).assign(n=len(label), n_fake=label.sum(), groups=len(np.unique(group)))
    table["warn"] = (table["auc_low"] > 0.5 + MARGIN) & table["warn"].eq(True) & ~(table["auc"] <= table["shuffled_high"])
    return table


def _check(facts: pd.DataFrame) -> None:
    missing = [name for name in ("label", "group") if name not in facts]
    if missing or set(facts["label"]) != {0, 1}:
        came = f"no {missing[0]}" if missing else f"labels {sorted(set(facts['label']))}"
        raise ValueError(f"facts: expected one row a file with group and label, both 0 (real) and 1 (fake); came {came}.")


def _families(facts: pd.DataFrame) -> dict[str, tuple[str, list[str]]]:
    """The families of which a fact varies, with those facts, and the rows of `ALL` that are not one family again."""
    varies = {name for name in facts if facts[name].replace("", np.nan).nunique(dropna=False) > 1}
    found = {name: (kind, own) for name, (kind, columns) in FAMILIES.items() if (own := [one for one in columns if one in varies])}
    every = {}
    for name, kinds in ALL.items():
        own = [columns for kind, columns in found.values() if kind in kinds]
        if len(own) > 1 or (len(kinds) > 1 and own):
            every[name] = (kinds[0] if len(kinds) == 1 else "both", list(itertools.chain(*own)))
    return found | every


def _numbers(facts: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Numbers as they are, text as categories: the commonest words; unknown is unknown."""
    table = {}
    for name in columns:
        fact = facts[name].replace("", np.nan)
        if pd.api.types.is_numeric_dtype(fact):
            table[name] = fact.astype(float)
        else:
            table[name] = pd.Categorical(fact, categories=sorted(fact.value_counts().index[:_WORDS]))
    return pd.DataFrame(table).reset_index(drop=True)


def _folds(label: np.ndarray, group: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on and rows to judge on; groups are whole, and classes as even as they allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    return list(StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed).split(label, label, group))


def _guess(table: pd.DataFrame, label: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The rank of each row in its own fold by the two classifiers' mean rank, 0..1; NaN where none could be fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    # trees find any shape given enough files, a logistic regression a simple one in few
    trees = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, categorical_features="from_dtype", random_state=0
    )
    inputs = [(trees, table), (LogisticRegression(), _ranks(table))]
    guess = np.full(len(table), np.nan)
    for fit, judge in folds:
        if len(np.unique(label[fit])) == 2 and len(judge):
            scores = [model.fit(own.iloc[fit], label[fit]).decision_function(own.iloc[judge]) for model, own in inputs]
            guess[judge] = (stats.rankdata(np.sum([stats.rankdata(one) for one in scores], axis=0)) - 0.5) / len(judge)
    return guess


def _ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as ranks from -1 to 1, unknown in the middle; words as columns of 0 and 1. No label is in it, so nothing leaks."""
    numbers = table.select_dtypes("number")
    ranks = (2 * numbers.rank(pct=True) - 1).fillna(0)
    return pd.get_dummies(table.assign(**ranks), dtype=float)


def _auc(guess: np.ndarray, label: np.ndarray) -> float:
    ranks, fakes = stats.rankdata(guess), (label == 1).sum()
    return float((ranks[label == 1].sum() - fakes * (fakes + 1) / 2) / (fakes * (len(label) - fakes)))


def _judge(guess: np.ndarray, label: np.ndarray, group: np.ndarray, weights: pd.DataFrame, tried: int) -> dict[str, float | bool]:
    known = np.isfinite(guess)
    draws = bootstrap(label[known], guess[known], group[known], weights)["auc"]
    auc = _auc(guess[known], label[known])
    low, high = (np.clip(auc + _WIDER * (end - auc), 0, 1) for end in interval(draws, len(weights)))
    beyond = stats.t.ppf(1 - 0.05 / tried, len(weights) - 1) * _WIDER * np.nanstd(draws)
    return {"auc": auc, "auc_low": float(low), "auc_high": float(high), "warn": bool(auc - 0.5 > beyond)}


def _shuffled(
    table: pd.DataFrame, label: np.ndarray, group: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], permutations: int, seed: int
) -> dict[str, float]:
    """The AUC that nothing but chance gives, on the same folds."""
    random, aucs = np.random.default_rng(seed), []
    for _ in range(permutations):
        drawn = shuffle_labels(label, group, random)
        guess = _guess(table, drawn, folds)
        known = np.isfinite(guess)
        aucs.append(_auc(guess[known], drawn[known]))
    return {"shuffled": np.mean(aucs), "shuffled_high": np.max(aucs)} if aucs else {}


def shuffle_labels(label: np.ndarray, group: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Labels that say nothing of the rows, but are dealt to groups as before.

    Args:
        label: int [n], 0 or 1.
        group: int [n], numbered from 0 without gaps.
        random: what draws.

    Returns:
        int [n]: shuffled within each group that has both classes; the classes of
        groups that have one are shuffled among those groups.

    Example:
        >>> shuffle_labels(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), np.random.default_rng(0))[2:]
        array([1, 1])
    """
    share = np.bincount(group, label) / np.bincount(group)
    pure = (share == 0) | (share == 1)
    share[pure] = random.permutation(share[pure])
    order = np.lexsort((random.random(len(label)), group))
    drawn = np.empty_like(label)
    drawn[order] = label[np.lexsort((label, group))]
    return np.where(pure[group], share[group].astype(int), drawn)


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words whether labels can be guessed without the face: a sentence about the files, one about the crops."""
    if table.empty:
        return ["Nothing that is not the face varies: labels cannot be guessed from it."]
    if table["auc"].isna().all():
        return [f"Too few groups ({count(table['groups'].iloc[0])}) to tell whether labels can be guessed without the face."]
    asked = ((FILE, "From what is known of the files"), (CROP, "From how the crops look as a whole, which is partly the face"))
    return [_sentence(table[table["kind"] == kind], said) for kind, said in asked if (table["kind"] == kind).any()]


def _sentence(rows: pd.DataFrame, said: str) -> str:
    every, families = rows.iloc[-1], rows[~rows["family"].isin(ALL)]
    strongest = families.loc[families["auc"].idxmax()]
    guess = between(every["auc"], every["auc_low"], every["auc_high"])
    if not rows["warn"].any():
        return (
            f"{said}, labels could not be guessed well enough to warn: AUC {guess} on unseen groups, with all of it together; .5 is chance."
        )
    most = "" if len(families) == 1 else f"; most of it from {strongest['family']}, {share(strongest['auc'])}"
    return f"{said}, labels can be guessed: AUC {guess} on unseen groups{most}. A network can learn this instead of the face."
