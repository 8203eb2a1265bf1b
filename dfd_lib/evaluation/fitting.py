"""Rules that make one score of several models' scores: how they are fitted, for many subsets of the members at once.

A subset is a row of `masks`, bool [B, k]. The work that subsets share is done
once, so a thousand cost little more than a few.
"""

import numpy as np
import scipy.optimize

from dfd_lib.evaluation.rules import Combination, logit
from dfd_lib.evaluation.thresholds import youden_threshold

RIDGE = 1.0
"""Penalty on half the squared weights of `stacking`; scikit-learn's `LogisticRegression(C=1)`."""

_BLOCK, _ROWS = 64, 1000
"""Subsets fitted, and rows met, at a time: [_ROWS, _BLOCK] stays in the processor's cache."""


def fit(rule: str, matrix: np.ndarray, label: np.ndarray, masks: np.ndarray, start: Combination | None = None) -> Combination:
    """Fit one rule for every subset of the members.

    Args:
        rule: one of `rules.RULES`.
        matrix: float [n, k] of p_fake.
        label: [n] of 0 and 1.
        masks: bool [B, k], which members each ensemble has, at least one.
        start: the same rule and masks fitted on similar rows, where `stacking` begins.

    Returns:
        B ensembles in one combination.
    """
    if rule == "weighted":
        return Combination(rule, simplex_weights(matrix, label, masks))
    if rule == "stacking":
        return _stacking(matrix, label, masks, start)
    thresholds = np.array([youden_threshold(label, column) for column in matrix.T]) if rule == "vote" else None
    return Combination(rule, masks.T / masks.sum(axis=1), thresholds=thresholds)


def simplex_weights(matrix: np.ndarray, label: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Weights >= 0 that sum to 1 and minimise the Brier score of the weighted mean.

    Stacked regression of Breiman (1996, "Stacked regressions"), with his constraint
    and a sum of 1. On the simplex the Brier score is w'Mw, M the mean products of the
    members' errors; its smallest point is the direction of the non-negative least
    squares solution v of |Rv|^2 + (sum(v) - 1)^2, R'R = M. So rows are read once,
    and a subset costs one problem as large as it has members.

    Returns:
        float64 [k, B], 0 outside the mask.
    """
    errors = matrix - label[:, None]
    values, vectors = np.linalg.eigh(errors.T @ errors / len(label))
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    system, target = np.vstack([root, np.ones(matrix.shape[1])]), np.append(np.zeros(len(root)), 1.0)
    weights = np.zeros(masks.T.shape)
    for column, mask in enumerate(masks):
        solution, _ = scipy.optimize.nnls(system[:, mask], target, maxiter=100 * len(target))
        weights[mask, column] = solution / solution.sum()
    return weights


def _stacking(matrix: np.ndarray, label: np.ndarray, masks: np.ndarray, start: Combination | None) -> Combination:
    logits = logit(matrix)
    blocks = [slice(first, first + _BLOCK) for first in range(0, len(masks), _BLOCK)]
    begin = None if start is None else np.vstack([start.weights, np.broadcast_to(start.bias, len(masks))])
    parts = [logistic_regression(logits, label, masks[block], None if begin is None else begin[:, block]) for block in blocks]
    fitted = np.concatenate(parts, axis=1)
    return Combination("stacking", fitted[:-1], fitted[-1])


def logistic_regression(x: np.ndarray, label: np.ndarray, masks: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Ridge logistic regressions on subsets of the columns, by Newton's method, all at once.

    The Hessians of all subsets are one matrix product of the column products with
    p (1 - p). A step that would raise the loss is halved until it does not.

    Args:
        x: float [n, k].
        label: [n] of 0 and 1.
        masks: bool [B, k], the columns of each regression.
        start: float [k + 1, B], where to begin; default: 0.

    Returns:
        float64 [k + 1, B]: weights, 0 outside the mask, then the bias, which is not penalised.
    """
    design = np.column_stack([x, np.ones(len(x))])
    active = np.column_stack([masks, np.ones(len(masks), bool)]).T
    penalty = np.append(np.full(x.shape[1], RIDGE), 1e-6)[:, None]  # a trace on the bias: one class alone has no finite one
    upper = np.triu_indices(len(penalty))
    products = design[:, upper[0]] * design[:, upper[1]]
    accepted = np.zeros(active.shape) if start is None else start
    lowest, step = np.full(len(masks), np.inf), np.zeros(active.shape)
    for _ in range(100):
        proposal = accepted - step
        loss, slope, curvature = _derivatives(design, products, label, proposal)
        loss += (penalty * proposal**2).sum(axis=0) / 2
        better = loss <= lowest + 1e-10 * np.abs(lowest)
        accepted, lowest = np.where(better, proposal, accepted), np.where(better, loss, lowest)
        step = np.where(better, _newton_step(curvature, slope + penalty * proposal, penalty, active, upper), step / 2)
        if np.abs(step).max() < 1e-5:  # the error after a Newton step is of the order of its square
            break
    return accepted - step


def _derivatives(
    design: np.ndarray, products: np.ndarray, label: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log loss [B], gradient [k + 1, B] and curvature [pairs, B], summed over rows, a cacheful of them at a time."""
    loss, slope = -(label @ design) @ weights, -np.repeat((label @ design)[:, None], weights.shape[1], axis=1)
    curvature = np.zeros((products.shape[1], weights.shape[1]))
    for first in range(0, len(design), _ROWS):
        rows = design[first : first + _ROWS]
        score = rows @ weights
        small = np.exp(-np.abs(score))
        larger = 1 / (1 + small)
        loss += np.maximum(score, 0).sum(axis=0) - np.log(larger).sum(axis=0)
        slope += rows.T @ np.where(score >= 0, larger, 1 - larger)
        curvature += products[first : first + _ROWS].T @ (small * larger**2)
    return loss, slope, curvature


def _newton_step(
    curvature: np.ndarray, gradient: np.ndarray, penalty: np.ndarray, active: np.ndarray, upper: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Solve each subset's Newton system, [k + 1, B]; columns outside the subset do not move."""
    size, many = active.shape
    hessian = np.zeros((many, size, size))
    hessian[:, upper[0], upper[1]] = hessian[:, upper[1], upper[0]] = curvature.T
    both = active.T[:, :, None] & active.T[:, None, :]
    diagonal = np.where(active, penalty, 1.0).T[:, :, None] * np.eye(size)
    return np.linalg.solve(np.where(both, hessian, 0) + diagonal, (gradient * active).T[:, :, None])[:, :, 0].T
