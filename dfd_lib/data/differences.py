"""Where real and fake files differ in facts that are not their faces.

A model can learn whatever tells the classes apart: the codec, the size, how
often a face is found. Each fact is judged alone: what would a model get that
knew nothing else? That is the area under the ROC curve (AUC) of the fact, .5
being nothing and 1 everything.

============ ======= ====================================================
column       type    meaning
============ ======= ====================================================
fact         text    a column of the facts or of the coverage
n_real       integer real files of which it is known
n_fake       integer fake files of which it is known
real         text    median of a number, the commonest word with its share
fake         text    the same of the fakes
higher       text    `real` or `fake`: which class has more of a number; empty of words
auc          number  of the fact alone
auc_low      number  lower end of the 95 % interval from resampled units, NaN = too few units to tell
auc_high     number  upper end
unit         text    what was resampled: one of `UNITS`
groups       integer units of which it is known
warn         boolean a model could learn it instead of the face
============ ======= ====================================================
"""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.stats import rankdata
from scipy.stats import t as student

WARN_AUC = 0.6
"""A fact warns if its AUC reaches this, less being no gain worth learning, and is no chance.

Of data without any difference about one table in twenty warns.
"""

WARN_COVERAGE = 0.05
"""Finding faces warns if the classes' shares of files with a face differ by this much: what was lost is never seen by any model or test."""

FEW = 10
"""With fewer units than this of either class no interval is given and nothing warns."""

GIANT = 0.2
"""A unit with more than this share of the files is taken apart: resampled as a whole, it would decide everything."""

UNITS = ("group", "person", "source video", "clip")
"""What may be resampled, the safest first.

Taken is the first of which both classes have `FEW` or more and none is a
`GIANT`; else the first that is not too few; else the last that is known. Where
persons all swap with each other (Celeb-DF), all files are one group, and
persons are resampled: a swap counts with the person whose scene it shows.
Source videos keep a swap with its original alone.
"""

FOUND = "files with a face"
"""The fact of the coverage that says whether a face was kept: 1 or 0 a file."""

COLUMNS = ("fact", "n_real", "n_fake", "real", "fake", "higher", "auc", "auc_low", "auc_high", "unit", "groups", "warn")

_FOLDS = 5
_DRAWS = 50  # resamples at once: memory stays small however many files there are
_NO_FACTS = {"file", "label", "group", "kind", "reason", "person", "source", "video"}


def differences(facts: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How much each fact alone tells of the label.

    The AUC of a number is that of the number itself, whichever class has more
    of it. Of words it is that of the share of fakes that the word has in other
    groups (five folds), so that rare words of one group cannot flatter; it may
    fall below .5, which is nothing. Files of which a fact is not known are left
    out. Intervals resample groups with replacement, since files of one group
    (a swap and its original, takes of one person) are not independent; where
    all files are one group, what it is made of (`UNITS`).

    Args:
        facts: one row a file: `label` (1 = FAKE, 0 = REAL), perhaps `group`,
            `person`, `source` and `video`, as a listing has them (without them
            each file stands alone), and any facts, numbers or text.
        resamples: of the units.
        seed: of the resamples and the folds.

    Returns:
        One row a fact that is known of both classes, the strongest first; see
        the table above.

    Raises:
        ValueError: there is no `label`, or it is neither 0 nor 1.

    Example:
        >>> table = pd.DataFrame({"label": [0, 1] * 20, "fps": [25.0, 30.0] * 20, "codec": ["h264"] * 40})
        >>> differences(table)[["fact", "real", "fake", "higher", "auc", "warn"]].values.tolist()
        [['fps', '25', '30', 'fake', 1.0, True], ['codec', 'h264 (100 %)', 'h264 (100 %)', '', 0.5, False]]
    """
    if "label" not in facts or not facts["label"].isin([0, 1]).all():
        raise ValueError("facts: expected a column label with 0 (real) and 1 (fake); make the table with dfd_lib.data.probe.")
    units = _units(facts)
    known = {name: facts[name].replace("", np.nan).dropna() for name in facts if name not in _NO_FACTS}
    known = {name: fact for name, fact in known.items() if facts["label"][fact.index].nunique() == 2}
    chance = 0.05 / max(len(known), 1)  # Bonferroni's correction for the number of facts
    rows = [
        {"fact": name, **_difference(fact, facts["label"][fact.index], units.loc[fact.index], chance, resamples, seed)}
        for name, fact in known.items()
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["warn", "auc"], ascending=False, kind="stable", ignore_index=True)


def coverage_facts(coverage: pd.DataFrame) -> pd.DataFrame:
    """What the coverage table says of each file, as facts: whether a face was kept, and how many per frame.

    Args:
        coverage: label, frames_read and faces_kept, one row a file.
    """
    read = coverage["frames_read"].where(coverage["frames_read"] > 0)
    return pd.DataFrame(
        {FOUND: (coverage["faces_kept"] > 0).astype(float), "faces per frame": (coverage["faces_kept"] / read).where(read > 1)}
    )


def _units(facts: pd.DataFrame) -> pd.DataFrame:
    """What each file belongs to: a column for each of `UNITS` that is known."""
    said = {name: facts[name].fillna("").astype(str) for name in ("group", "person", "source", "video") if name in facts}
    video = said.get("video", pd.Series(range(len(facts)), facts.index).astype(str))
    units = {"group": said["group"]} if "group" in said else {}
    if "person" in said and (said["person"] != "").any():
        units["person"] = ("person " + said["person"]).where(said["person"] != "", "of " + video)
    if "source" in said and (said["source"] != "").any():
        units["source video"] = said["source"].where(said["source"] != "", video)
    return pd.DataFrame(units if units and "video" not in said else {**units, "clip": video})


def _unit(units: pd.DataFrame, fake: np.ndarray) -> tuple[str, np.ndarray]:
    """The name of what is resampled, and the number of each file's."""
    enough = [name for name in units if min(units[name][side].nunique() for side in (fake, ~fake)) >= FEW]
    fair = [name for name in enough if units[name].value_counts(normalize=True).iloc[0] <= GIANT]
    name = (fair + enough + [units.columns[-1]])[0]
    return name, np.unique(units[name], return_inverse=True)[1]


def _difference(fact: pd.Series, label: pd.Series, units: pd.DataFrame, chance: float, resamples: int, seed: int) -> dict:
    fake = (label == 1).to_numpy()
    unit, who = _unit(units, fake)
    words = not pd.api.types.is_numeric_dtype(fact)
    score = _share_of_fakes(fact, fake, who, seed) if words else fact.to_numpy(float)
    auc = float(_auc(score, fake))
    higher = "" if words or auc == 0.5 else "fake" if auc > 0.5 else "real"
    if higher == "real":
        score, auc = -score, 1 - auc
    few = min(len(np.unique(who[fake])), len(np.unique(who[~fake]))) < FEW
    drawn = np.full(1, np.nan) if few else _resampled(score, fake, who, resamples, seed)
    low, high = np.quantile(drawn, [0.025, 0.975])
    groups = len(np.unique(who))
    # far tails of few resamples are rough, so their spread is compared with Student's t
    beyond_chance = auc - 0.5 > drawn.std() * student.ppf(1 - chance / 2, groups - 1)
    least = 0.5 + WARN_COVERAGE / 2 if fact.name == FOUND else WARN_AUC  # of 0 and 1 the AUC is .5 and half the difference of shares
    return {
        "n_real": int((~fake).sum()), "n_fake": int(fake.sum()), "real": _typical(fact[~fake]), "fake": _typical(fact[fake]),
        "higher": higher, "auc": auc, "auc_low": low, "auc_high": high, "unit": unit, "groups": groups,
        "warn": bool(beyond_chance and auc >= least),
    }  # fmt: skip


def _typical(fact: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(fact):
        often = fact.value_counts(normalize=True)
        return f"{often.index[0]} ({often.iloc[0]:.0%})".replace("%", " %")
    if fact.name == FOUND:
        return f"{fact.mean() * 100:.1f} %"
    return f"{fact.median():.4g}" if abs(fact.median()) < 1e4 else f"{fact.median():,.0f}"


def _share_of_fakes(fact: pd.Series, fake: np.ndarray, who: np.ndarray, seed: int) -> np.ndarray:
    """Per row, by how much fakes are commoner among the same word in other folds of groups than among all words there."""
    fold = np.random.default_rng(seed).permutation(who.max() + 1)[who] % _FOLDS
    words = fact.to_numpy(str)
    score = np.zeros(len(fact))
    for one in range(_FOLDS):
        rest, here = fold != one, fold == one
        if not rest.any():
            continue
        base = fake[rest].mean()
        seen = pd.DataFrame({"word": words[rest], "fake": fake[rest]}).groupby("word")["fake"].agg(["sum", "count"])
        share = (seen["sum"] + base) / (seen["count"] + 1)  # a word that was seen once says little
        score[here] = pd.Series(words[here]).map(share).fillna(base).to_numpy() - base
    return score.round(9)  # what differs by rounding alone is equal


def _auc(score: np.ndarray, fake: np.ndarray) -> float:
    """Mann and Whitney's U over the number of pairs."""
    ranks, fakes = rankdata(score), fake.sum()
    return (ranks[fake].sum() - fakes * (fakes + 1) / 2) / (fakes * (len(fake) - fakes))


def _resampled(score: np.ndarray, fake: np.ndarray, who: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """The AUCs of groups drawn with replacement; draws without one of the classes are left out."""
    rank, number = np.unique(score, return_inverse=True)[1], who.max() + 1
    shape = (number, rank.max() + 1)
    sides = [csr_array((np.ones(side.sum()), (who[side], rank[side])), shape) for side in (~fake, fake)]
    random, aucs = np.random.default_rng(seed), []
    for start in range(0, resamples, _DRAWS):
        times = random.multinomial(number, np.full(number, 1 / number), min(_DRAWS, resamples - start)).astype(float)
        real, faked = (times @ side for side in sides)  # [resample, rank of the score]: how many files
        below = real.cumsum(axis=1) - real / 2
        pairs = real.sum(axis=1) * faked.sum(axis=1)
        aucs.append((faked * below).sum(axis=1)[pairs > 0] / pairs[pairs > 0])
    return np.concatenate(aucs)
