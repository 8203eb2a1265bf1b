"""What was fitted on `calib`, held against `test`: calibrations, thresholds and conformal verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.evaluation.calibrate import choose, fit_calibration, out_of_fold_losses
from dfd_lib.evaluation.calibration import METHODS, Calibration
from dfd_lib.evaluation.conformal import Conformal, fit_conformal, groups_needed
from dfd_lib.evaluation.metrics import BOTH, at_levels
from dfd_lib.evaluation.operating import read_threshold, recall_at, resampled_sums
from dfd_lib.evaluation.reliability import reliability
from dfd_lib.evaluation.scores import point_metrics, row_sums, sum_metrics
from dfd_lib.evaluation.thresholds import FALSE_ALARM_RATES, allowed, false_alarm_rule, fit_thresholds
from dfd_lib.evaluation.uncertainty import at_the_edge, interval, resample_weights

ERROR_RATES = (0.01, 0.05, 0.1, 0.2)
"""Error rates that conformal verdicts are tried at."""

_KEYS = ["model", "seed", "dataset", "level", "aggregator"]
_LOSSES = ("log_loss", "brier")
_MEASURED = ("error_real", "error_fake", "wrong", "unsure")


@dataclass(frozen=True)
class Promises:
    """Each table has a row for each model, seed, data set and level (with aggregator and frames_per_clip), times what it is about."""

    calibration: pd.DataFrame
    """Times a method of `calibration.METHODS`: chosen (by `calib_log_loss`, out of fold), slope, bias, rows and groups of both
    parts; on test log_loss, brier (95 % `_low`, `_high`), ece, and log_loss_change from `none` (paired, with interval)."""
    reliability: pd.DataFrame
    """Times a bin of p_fake, for `none` and for the chosen method: what `reliability.reliability` tells."""
    operating: pd.DataFrame
    """Times a threshold (`rule`; `recipe` is the recipe's own): promised (false alarm rate, NaN where none), available, threshold,
    reals of both parts and how many of them may be called FAKE, on test what `operating.read_threshold` tells, and recall_on_curve."""
    conformal: pd.DataFrame
    """Times an error rate (`promised`): available, groups of each class and how many are needed, limits; on test, each group
    weighing the same: error_real, error_fake, wrong (sure and wrong) and unsure, with 95 % intervals."""
    fitted: list[dict[str, Any]]
    """What a detector needs, as JSON holds it: the chosen calibration, thresholds (None: not available), conformal limits."""


# where no verdict is to be had, so that the table has its columns even if that is everywhere
_UNTOLD = {f"{name}{end}": np.nan for name in ("error_real", "error_fake", "wrong", "unsure") for end in ("", "_low", "_high")}


@dataclass(frozen=True)
class _Part:
    """Rows of one part as arrays."""

    label: np.ndarray
    p_fake: np.ndarray
    group: np.ndarray

    def groups(self, label: int) -> int:
        return len(np.unique(self.group[self.label == label]))


def hold(
    predictions: pd.DataFrame,
    *,
    threshold: float = 0.5,
    aggregator: str = "mean",
    error_rates: Sequence[float] = ERROR_RATES,
    resamples: int = 1000,
    seed: int = 1,
) -> Promises:
    """Fit on `calib` all that a detector needs, and measure on `test` what it is worth.

    Args:
        predictions: the predictions table; clean rows of `calib` and `test` are used.
        threshold: the recipe's, tried beside the fitted ones.
        aggregator: how frames become a clip's score.
        error_rates: to promise, 0..1 each.
        resamples: bootstrap resamples of groups, shared by all models.
        seed: of the resamples and of the folds that choose a calibration.

    Returns:
        See `Promises`; models in the order of `predictions`.

    Raises:
        ValueError: a model has no rows of calib or of test.
    """
    clean = predictions[(predictions["condition"] == "clean") & predictions["split"].isin(["calib", "test"])]
    table = at_levels(clean, BOTH, aggregator)
    weights = {name: resample_weights(rows["group"], resamples, seed) for name, rows in table[table["split"] == "test"].groupby("dataset")}
    found: dict[str, list] = {"calibration": [], "reliability": [], "operating": [], "conformal": [], "fitted": []}
    for values, rows in table.groupby(_KEYS, sort=False):
        keys = dict(zip(_KEYS, values, strict=True))
        told = keys | {"frames_per_clip": rows["frames"].median()}
        calib, test = (_part(rows, split, keys) for split in ("calib", "test"))
        losses = out_of_fold_losses(calib.label, calib.p_fake, calib.group, seed)
        maps = {method: fit_calibration(method, calib.label, calib.p_fake) for method in METHODS}
        best, own = choose(losses), weights[keys["dataset"]]
        thresholds = {"recipe": threshold, **fit_thresholds(calib.label, calib.p_fake)}
        limits = {rate: fit_conformal(calib.label, calib.p_fake, calib.group, rate) for rate in error_rates}
        found["calibration"] += [told | row for row in _calibrations(maps, losses, calib, test, own)]
        found["reliability"] += [told | row for row in _reliability({name: maps[name] for name in ("none", best)}, test, own)]
        found["operating"] += [told | row for row in _thresholds(thresholds, calib, test, own)]
        found["conformal"] += [told | row for row in _verdicts(limits, calib, test, own)]
        found["fitted"].append(keys | _facts(maps[best], thresholds, limits))
    fitted = found.pop("fitted")
    return Promises(**{name: pd.DataFrame(rows) for name, rows in found.items()}, fitted=fitted)


def _part(rows: pd.DataFrame, split: str, keys: dict[str, Any]) -> _Part:
    own = rows[rows["split"] == split]
    if own.empty:
        raise ValueError(
            f"promises: expected rows of calib and test, {keys['model']} has none of {split} at level {keys['level']}. "
            f"Give both a share of the groups, and score them."
        )
    return _Part(*(own[name].to_numpy() for name in ("label", "p_fake", "group")))


def _facts(calibration: Calibration, thresholds: dict[str, float], limits: dict[float, Conformal | None]) -> dict[str, Any]:
    return {
        "calibration": calibration.to_dict(),
        "thresholds": {rule: None if np.isnan(value) else value for rule, value in thresholds.items()},
        "conformal": [one.to_dict() for one in limits.values() if one is not None],
    }


def _with_ends(name: str, value: float, draws: np.ndarray, groups: int) -> dict[str, float]:
    low, high = interval(draws, groups)
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}


def _calibrations(
    maps: dict[str, Calibration], losses: dict[str, float], calib: _Part, test: _Part, weights: pd.DataFrame
) -> list[dict[str, Any]]:
    groups, best, before = len(np.unique(test.group)), choose(losses), None
    sizes = {"n_calib": len(calib.label), "groups_calib": len(np.unique(calib.group)), "n": len(test.label), "groups": groups}
    rows = []
    for method, calibration in maps.items():
        p_fake = calibration(test.p_fake)
        point = point_metrics(test.label, p_fake)
        sums = sum_metrics(resampled_sums(row_sums(test.label, p_fake, p_fake >= 0.5), test.group, weights))
        before = (point["log_loss"], sums["log_loss"]) if before is None else before
        change = _with_ends("log_loss_change", point["log_loss"] - before[0], sums["log_loss"] - before[1], groups)
        measured = {key: end for name in _LOSSES for key, end in _with_ends(name, point[name], sums[name], groups).items()}
        fitted = {"slope": calibration.slope, "bias": calibration.bias} if method in ("temperature", "platt") else {}
        facts = {"method": method, "chosen": method == best, "calib_log_loss": losses[method]}
        rows.append({**facts, "slope": np.nan, "bias": np.nan, **fitted, **sizes, **measured, "ece": point["ece"], **change})
    return rows


def _reliability(maps: dict[str, Calibration], test: _Part, weights: pd.DataFrame) -> list[dict[str, Any]]:
    found = {method: reliability(test.label, calibration(test.p_fake), test.group, weights) for method, calibration in maps.items()}
    return [{"method": method, **row} for method, rows in found.items() for row in rows]


def _thresholds(thresholds: dict[str, float], calib: _Part, test: _Part, weights: pd.DataFrame) -> list[dict[str, Any]]:
    promises = {false_alarm_rule(rate): rate for rate in FALSE_ALARM_RATES}
    reals = {"calib": int((calib.label == 0).sum()), "test": int((test.label == 0).sum())}
    rows = []
    for rule, threshold in thresholds.items():
        rate = promises.get(rule, np.nan)
        known = {} if np.isnan(rate) else {f"allowed_{part}": allowed(many, rate) for part, many in reals.items()}
        curve = recall_at(test.label, test.p_fake, test.group, weights, rate) if known else (np.nan,) * 3
        facts = {"rule": rule, "promised": rate, "available": not np.isnan(threshold), "threshold": threshold}
        counts = {"n": len(test.label), "n_fake": int(test.label.sum()), "reals_calib": reals["calib"], "reals": reals["test"]}
        told = {} if np.isnan(threshold) else read_threshold(test.label, test.p_fake, test.group, weights, threshold)
        on_curve = dict(zip(("recall_on_curve", "recall_on_curve_low", "recall_on_curve_high"), curve, strict=True))
        rows.append({**facts, **counts, "allowed_calib": np.nan, "allowed_test": np.nan, **known, **told, **on_curve})
    return rows


def _verdicts(limits: dict[float, Conformal | None], calib: _Part, test: _Part, weights: pd.DataFrame) -> list[dict[str, Any]]:
    counts = {"groups_real": calib.groups(0), "groups_fake": calib.groups(1)}
    unknown = dict.fromkeys((f"{name}{end}" for name in _MEASURED for end in ("", "_low", "_high")), np.nan)
    rows = []
    for rate, conformal in limits.items():
        facts = {"promised": rate, "available": conformal is not None, **counts, "groups_needed": groups_needed(rate)}
        told = _UNTOLD if conformal is None else read_conformal(conformal, test.label, test.p_fake, test.group, weights)
        reach = {} if conformal is None else {"real_limit": conformal.real_limit, "fake_limit": conformal.fake_limit}
        rows.append({**facts, "real_limit": np.nan, "fake_limit": np.nan, **reach, "n": len(test.label), **(unknown | told)})
    return rows


def read_conformal(
    conformal: Conformal, label: np.ndarray, p_fake: np.ndarray, groups: np.ndarray, weights: pd.DataFrame
) -> dict[str, float]:
    """How often verdicts err, each group weighing the same, as their promise has it.

    Args:
        conformal: fitted elsewhere.
        label: int [n].
        p_fake: float [n], 0..1.
        groups: [n] names, each in the index of `weights`.
        weights: from `uncertainty.resample_weights`.

    Returns:
        error_real and error_fake (the truth is not in the set), wrong (a sure verdict that is wrong)
        and unsure, of all rows, each with its 95 % interval over groups; NaN without rows of the class.
    """
    sets, verdict = conformal.sets(p_fake), conformal.verdicts(p_fake)
    missing = ~sets[np.arange(len(label)), label]
    sure = verdict != "UNSURE"
    cases = {"error_real": (missing, label == 0), "error_fake": (missing, label == 1)}
    every = np.ones(len(label), bool)
    cases |= {"wrong": (missing & sure, every), "unsure": (~sure, every)}
    told: dict[str, float] = {}
    for name, (happened, among) in cases.items():
        told |= _share_of_groups(name, happened[among], groups[among], weights)
    return told


def _share_of_groups(name: str, happened: np.ndarray, groups: np.ndarray, weights: pd.DataFrame) -> dict[str, float]:
    """The mean over groups of the share of their rows where something happened."""
    if not len(groups):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    share = np.bincount(group, happened) / sizes
    drawn = weights.to_numpy(float)[weights.index.get_indexer(names)]
    with np.errstate(invalid="ignore"):
        low, high = interval(share @ drawn / drawn.sum(axis=0), len(names))
    low, high = at_the_edge(float(share.mean()), float(low), float(high), len(names))
    return {name: float(share.mean()), f"{name}_low": low, f"{name}_high": high}
