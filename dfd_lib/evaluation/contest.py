"""The contest between ensembles: thousands of them scored out of fold on val, and read on test."""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats
from sklearn.model_selection import GroupKFold

from dfd_lib.evaluation.auc import Clusters, placements
from dfd_lib.evaluation.fitting import fit
from dfd_lib.evaluation.rules import FITTED, Combination
from dfd_lib.evaluation.uncertainty import CONFIDENCE

_BLOCK = 64
"""Ensembles scored at a time: bounds the memory at a few [rows, _BLOCK] arrays."""


@dataclass
class Side:
    """The rows of one split: persons' scores, and the clips (or crops) that they decide."""

    scores: np.ndarray
    """float64 [n, k], a column a member."""
    label: np.ndarray
    """int [n]."""
    group: np.ndarray
    """[n] names."""
    clip: np.ndarray
    """int [n], the clip or crop of each row, numbered from 0 without gaps, ascending."""
    fake: np.ndarray = field(init=False)
    """bool [clips]; a clip is FAKE if any of its persons is."""
    clip_group: np.ndarray = field(init=False)
    """[clips] names."""
    clusters: Clusters | None = field(init=False)
    """Groups of the clips; None where a class is absent."""

    def __post_init__(self):
        starts = np.unique(self.clip, return_index=True)[1]
        self._starts = starts if len(starts) < len(self.clip) else None
        self.fake = self.of_clips(self.label[:, None])[:, 0] == 1
        both = self.fake.any() and not self.fake.all()
        self.clip_group = self.group[starts]
        self.clusters = Clusters(self.fake, self.clip_group) if both else None

    def of_clips(self, scores: np.ndarray) -> np.ndarray:
        """A clip by its most suspicious person: [n, B] -> [clips, B]."""
        return scores if self._starts is None else np.maximum.reduceat(scores, self._starts, axis=0)

    def placements(self, scores: np.ndarray) -> np.ndarray:
        """Placements (`auc.placements`) of the clips under B ensembles' scores of the rows; [clips, B]."""
        columns = np.ascontiguousarray(self.of_clips(scores).T)
        return np.stack([placements(self.fake, column) for column in columns], axis=1)

    def auc(self, scores: np.ndarray) -> np.ndarray:
        """AUC of B ensembles, [B]; NaN where a class is absent."""
        if self.clusters is None:
            return np.full(scores.shape[1], np.nan)
        return self.placements(scores)[self.fake].mean(axis=0)


@dataclass
class Contender:
    """One rule on B subsets of the members, fitted on val."""

    rule: str
    masks: np.ndarray
    """bool [B, k]."""
    refitted: Combination
    """On all of val, for every other split."""
    held_out: list[Combination]
    """For each fold, on the others; empty if nothing is fitted."""

    def out_of_fold(self, val: Side, fold: np.ndarray, chosen: slice = slice(None)) -> np.ndarray:
        """Scores of val by combinations that have not seen the row's group; [n, B]."""
        if not self.held_out:
            return self.refitted.pick(chosen)(val.scores)
        scores = np.empty((len(fold), len(self.masks[chosen])))
        for place, combination in enumerate(self.held_out):
            scores[fold == place] = combination.pick(chosen)(val.scores[fold == place])
        return scores


def group_folds(group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """A fold for each row, int [n]; a group lies in one fold, and folds hold equally many groups.

    Raises:
        ValueError: fewer than two groups or folds.
    """
    folds = min(folds, len(np.unique(group)))
    if folds < 2:
        raise ValueError(f"ensembles: expected at least two groups in val and two folds, came {folds}. Make val larger.")
    fold = np.empty(len(group), int)
    for place, (_, rows) in enumerate(GroupKFold(folds, shuffle=True, random_state=seed).split(group, groups=group)):
        fold[rows] = place
    return fold


def singles(members: int) -> Contender:
    """Every member by itself."""
    masks = np.eye(members, dtype=bool)
    return Contender("single", masks, Combination("mean", masks.astype(float)), [])


def subsets(rule: str, val: Side, fold: np.ndarray, exhaustive: int) -> np.ndarray:
    """Subsets of two or more members to try, bool [B, k].

    All subsets of the `exhaustive` best members on val. With more members than that, those of greedy forward
    selection over all of them besides: from the best single member on, the member is added that makes the
    highest AUC on val, until all are in (Caruana et al. 2004, without repetition).
    """
    best = leaders(val, exhaustive)
    every = every_subset(len(best))
    masks = np.zeros((len(every), val.scores.shape[1]), bool)
    masks[:, best] = every
    if len(best) == masks.shape[1]:
        return masks
    greedy = greedy_path(rule, val, fold)
    beyond = np.delete(greedy, best, axis=1).any(axis=1)  # the others are among all subsets of the best
    return np.concatenate([masks, greedy[beyond]])


def leaders(val: Side, many: int) -> np.ndarray:
    """Places of the `many` best members on val by themselves, ascending."""
    return np.sort(np.argsort(-val.auc(val.scores), kind="stable")[:many])


def every_subset(members: int) -> np.ndarray:
    """All subsets of two or more members, the small first; bool [2^members - members - 1, members].

    Example:
        >>> every_subset(3).astype(int).tolist()
        [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]
    """
    numbers = sorted(range(1, 2**members), key=int.bit_count)
    return np.array([[number >> place & 1 for place in range(members)] for number in numbers], bool)[members:].reshape(-1, members)


def greedy_path(rule: str, val: Side, fold: np.ndarray) -> np.ndarray:
    """The subsets that greedy forward selection tries on its way from the best single member to all; bool [B, k]."""
    members = val.scores.shape[1]
    inside = np.arange(members) == np.argmax(val.auc(val.scores))
    met = []
    while not inside.all():
        met.append(inside | np.eye(members, dtype=bool)[~inside])
        inside = met[-1][np.argmax(val_auc(enter(rule, met[-1], val, fold), val, fold))]
    return np.concatenate(met)


def enter(rule: str, masks: np.ndarray, val: Side, fold: np.ndarray) -> Contender:
    """Fit one rule on B subsets (bool [B, k]): on all of val and, where anything is fitted, without each fold."""
    refitted = fit(rule, val.scores, val.label, masks)
    others = [fold != place for place in range(fold.max() + 1)] if rule in FITTED else []
    held_out = [fit(rule, val.scores[rows], val.label[rows], masks, refitted) for rows in others]
    return Contender(rule, masks, refitted, held_out)


def val_auc(contender: Contender, val: Side, fold: np.ndarray) -> np.ndarray:
    """AUC on val, out of fold where anything is fitted; [B]."""
    blocks = _blocks(len(contender.masks))
    return np.concatenate([val.auc(contender.out_of_fold(val, fold, block)) for block in blocks])


def read_test(contender: Contender, test: Side, best: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """What B ensembles do on test, beside the best single model.

    Args:
        contender: fitted on val.
        test: the rows of test.
        best: float [n], the best single model's scores of those rows.
        threshold: `p_fake >= threshold` is FAKE.

    Returns:
        test_auc, test_accuracy, gain (in AUC), gain_low and gain_high (95 %, from
        Obuchowski's covariance and Student's t with groups - 1), each [B].
    """
    blocks = [_read_block(contender.refitted.pick(block)(test.scores), test, best, threshold) for block in _blocks(len(contender.masks))]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _read_block(scores: np.ndarray, test: Side, best: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    if not len(test.fake):
        return dict.fromkeys(("test_auc", "test_accuracy", "gain", "gain_low", "gain_high"), np.full(scores.shape[1], np.nan))
    accuracy = ((test.of_clips(scores) >= threshold) == test.fake[:, None]).mean(axis=0)
    if test.clusters is None:
        unknown = np.full(scores.shape[1], np.nan)
        return {"test_auc": unknown, "test_accuracy": accuracy, **dict.fromkeys(("gain", "gain_low", "gain_high"), unknown)}
    placed = test.placements(scores)
    gain, fakes, reals = test.clusters.components(placed - test.placements(best[:, None]))
    # two equal models differ by rounding alone, and that may come out below 0
    error = np.sqrt(np.maximum(test.clusters.variance(fakes, reals), 0))
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, max(test.clusters.count - 1, 1)) * error
    auc = placed[test.fake].mean(axis=0)
    return {"test_auc": auc, "test_accuracy": accuracy, "gain": gain, "gain_low": gain - reach, "gain_high": gain + reach}


def _blocks(many: int) -> list[slice]:
    return [slice(first, first + _BLOCK) for first in range(0, many, _BLOCK)]
