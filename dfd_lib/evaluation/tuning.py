"""What a search of hyper-parameters bought on test, and how much of what val promised was kept."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dfd_lib.formats import between, by_clip, count, share, signed

_CLIPS = ["aggregator", "frames_per_clip"]


def gains(metrics: pd.DataFrame, pairs: pd.DataFrame, twins: Mapping[str, str], trials: Mapping[str, int]) -> pd.DataFrame:
    """Each tuned model against the same network with the recipe's own settings, on the same clips of test.

    Args:
        metrics: the metrics table; level video, condition clean are read, of several seeds the mean.
        pairs: of `dfd_lib.evaluation.pairs.compare_pairs`.
        twins: tuned model -> the name of its twin.
        trials: tuned model -> how many settings were tried.

    Returns:
        A row a tuned model: model, trials, val_default, val_tuned, test_default,
        test_tuned (AUC by clip), gain (tuned minus default on test), gain_low,
        gain_high (95 %, paired bootstrap over groups), p (of no difference), significant (as
        `pairs` has it), aggregator and frames_per_clip, of which scores by clip were made.
    """
    rows = metrics[(metrics["level"] == "video") & (metrics["condition"] == "clean")]
    auc = rows.groupby(["split", "model"])["auc"].mean()
    table = [
        {
            "model": model,
            "trials": trials[model],
            **{f"{split}_{kind}": auc[split].get(name, np.nan) for split in ("val", "test") for kind, name in _kinds(model, twin)},
            **_difference(pairs, model, twin),
            **_clips(rows[rows["model"] == model]),
        }
        for model, twin in twins.items()
    ]
    names = ["model", "trials", "val_default", "val_tuned", "test_default", "test_tuned", "gain", "gain_low", "gain_high"]
    names += ["p", "significant", *_CLIPS]
    return pd.DataFrame(table, columns=names)


def finding(row: pd.Series) -> str:
    """One row of `gains` in words.

    Example:
        >>> row = {"model": "lenet", "trials": 20, "gain": 0.031, "gain_low": 0.01, "gain_high": 0.052, "significant": True}
        >>> row |= {"val_default": 0.8, "val_tuned": 0.85, "test_default": 0.790, "test_tuned": 0.821}
        >>> print(*finding(pd.Series(row | {"aggregator": "mean", "frames_per_clip": 5.0})).partition(" on test"), sep="\\n")
        Tuning lenet (20 trials) bought +.031 (+.010 to +.052) of AUC by clip (mean of 5 frames)
         on test
        , from .790 to .821: a real gain; on val it was +.050.
    """
    change = between(row["gain"], row["gain_low"], row["gain_high"], sign=True)
    span = f"from {share(row['test_default'])} to {share(row['test_tuned'])}"
    how = by_clip(row["aggregator"], row["frames_per_clip"])
    val = signed(row["val_tuned"] - row["val_default"])
    said = f"Tuning {row['model']} ({count(row['trials'], 'trial')}) bought {change} of AUC {how} on test"
    return f"{said}, {span}: {_judge(row)}; on val it was {val}."


def _judge(row: pd.Series) -> str:
    if row["significant"]:
        return "a real gain" if row["gain"] > 0 else "a real loss"
    return "nothing, the recipe's own settings won the search" if row["gain"] == 0 else "it could be chance"


def _clips(rows: pd.DataFrame) -> dict[str, object]:
    """By which rule, and of how many frames, clips were scored."""
    return {name: rows[name].iloc[0] for name in _CLIPS if name in rows and len(rows)}


def _kinds(model: str, twin: str) -> list[tuple[str, str]]:
    return [("default", twin), ("tuned", model)]


def _difference(pairs: pd.DataFrame, model: str, twin: str) -> dict[str, float | bool]:
    """Tuned minus default from the row of the two, whichever way round it stands."""
    for sign, left, right in ((1, model, twin), (-1, twin, model)):
        rows = pairs[(pairs["left"] == left) & (pairs["right"] == right) & (pairs["metric"] == "auc")]
        if len(rows):
            row = rows.iloc[0]
            low, high = sorted((sign * row["low"], sign * row["high"]))
            ends = {"gain_low": low, "gain_high": high}
            return {"gain": sign * row["difference"], **ends, "p": row["p"], "significant": bool(row["significant"])}
    return {**dict.fromkeys(("gain", "gain_low", "gain_high", "p"), np.nan), "significant": False}
