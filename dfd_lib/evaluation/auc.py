"""The area under the ROC curve and its covariance in closed form, for rows that come in groups.

Where a bootstrap would take minutes (thousands of ensembles), and as an
independent check of it where it takes seconds.
"""

import numpy as np
from numpy.typing import ArrayLike


def placements(fake: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The share of the other class that each row is ordered right against (ties count half).

    Their mean over the fakes, and their mean over the reals, is the AUC (DeLong,
    DeLong and Clarke-Pearson 1988 call them structural components). One sort.

    Args:
        fake: bool [n], with both classes.
        score: float [n], higher is more fake.

    Returns:
        float64 [n], 0..1.

    Example:
        >>> placements(np.array([True, True, False, False]), np.array([0.9, 0.4, 0.4, 0.1]))
        array([1.  , 0.75, 0.75, 1.  ])
    """
    order = np.argsort(score)
    ascending, is_fake = score[order], fake[order]
    fakes = np.cumsum(is_fake)
    reals = np.arange(1, len(score) + 1) - fakes
    positives, negatives = fakes[-1], reals[-1]
    fresh = ascending[1:] != ascending[:-1]
    if not fresh.all():
        run = np.concatenate([[0], np.cumsum(fresh)])
        last = np.concatenate([np.flatnonzero(fresh), [len(score) - 1]])
        fakes, reals = (((upto := count[last]) + np.concatenate([[0], upto[:-1]]))[run] / 2 for count in (fakes, reals))
    right = np.empty(len(score))
    right[order] = np.where(is_fake, reals / negatives, 1 - fakes / positives)
    return right


def clustered_auc(label: ArrayLike, scores: ArrayLike, groups: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of several models on the same rows, and their covariance when whole groups are drawn.

    Obuchowski (1997), "Nonparametric analysis of clustered ROC curve data",
    Biometrics 53. With one row a group it is the estimate of DeLong et al. (1988).

    Args:
        label: [n] of 0 and 1.
        scores: [n, models], higher is more fake.
        groups: [n] names.

    Returns:
        (aucs [models], covariance [models, models]); all NaN where a class is
        absent, the covariance NaN where a class lies in a single group.

    Example:
        >>> auc, covariance = clustered_auc([0, 0, 1, 1], [[0.1], [0.6], [0.5], [0.9]], groups=[1, 2, 3, 4])
        >>> auc.tolist(), covariance.tolist()
        ([0.75], [[0.125]])
    """
    label, scores = np.asarray(label), np.asarray(scores, float)
    if scores.ndim != 2 or label.shape != scores.shape[:1]:
        raise ValueError(f"clustered_auc: expected labels [n] and scores [n, models], came shapes {label.shape} and {scores.shape}.")
    fake = label == 1
    models = scores.shape[1]
    if fake.all() or not fake.any():
        return np.full(models, np.nan), np.full((models, models), np.nan)
    right = np.stack([placements(fake, column) for column in scores.T], axis=1)
    clusters = Clusters(fake, np.asarray(groups))
    auc, fakes, reals = clusters.components(right)
    return auc, clusters.covariance(fakes, reals)


class Clusters:
    """Rows sorted by group once, to sum placements of many models over groups."""

    def __init__(self, fake: np.ndarray, groups: np.ndarray):
        """`fake` bool [n], with both classes; `groups` [n] names."""
        _, self.group = np.unique(groups, return_inverse=True)
        self.count = int(self.group.max()) + 1
        self._classes = [self._sorted(np.flatnonzero(fake)), self._sorted(np.flatnonzero(~fake))]

    def _sorted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rows = rows[np.argsort(self.group[rows], kind="stable")]
        names, starts, sizes = np.unique(self.group[rows], return_index=True, return_counts=True)
        return rows, names, starts, sizes

    def components(self, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sum placements over groups, centred and divided by the class's size.

        Args:
            right: float [n, models], placements.

        Returns:
            (auc [models], fakes [groups, models], reals [groups, models]); a
            group without a row of the class is 0.
        """
        auc, sums = np.zeros(right.shape[1]), []
        for rows, names, starts, sizes in self._classes:
            own = np.add.reduceat(right[rows], starts, axis=0)
            auc = own.sum(axis=0) / len(rows)
            centred = np.zeros((self.count, right.shape[1]))
            centred[names] = (own - sizes[:, None] * auc) / len(rows)
            sums.append(centred)
        return auc, sums[0], sums[1]

    def covariance(self, fakes: np.ndarray, reals: np.ndarray) -> np.ndarray:
        """Obuchowski's covariance [models, models] of what `components` returned."""
        cross = fakes.T @ reals
        a, b, c = self._corrections()
        return a * (fakes.T @ fakes) + b * (reals.T @ reals) + c * (cross + cross.T)

    def variance(self, fakes: np.ndarray, reals: np.ndarray) -> np.ndarray:
        """The diagonal of `covariance`, without the rest; [models]."""
        a, b, c = self._corrections()
        return a * (fakes**2).sum(axis=0) + b * (reals**2).sum(axis=0) + 2 * c * (fakes * reals).sum(axis=0)

    def _corrections(self) -> tuple[float, float, float]:
        """I / (I - 1) for the groups with fakes, those with reals, and all."""
        counts = [len(names) for _, names, _, _ in self._classes] + [self.count]
        return tuple(count / (count - 1) if count > 1 else np.nan for count in counts)
