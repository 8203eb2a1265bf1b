"""What was promised and what came of it, in words: one model, one sentence a question."""

import math

import pandas as pd

from dfd_lib.evaluation.promises import Promises
from dfd_lib.evaluation.uncertainty import Z
from dfd_lib.formats import between, by_clip, count, percent, share


def findings(promises: Promises, model: str, error_rate: float) -> list[str]:
    """Can the model's `p_fake` be taken at its word; how far can an alarm be trusted; do verdicts keep their promise?

    Args:
        promises: of `promises.hold`.
        model: which; of several seeds the first.
        error_rate: of the verdicts, one of those tried.

    Returns:
        Three sentences, about clips where there are any; each says by which rule clips are scored.

    Raises:
        ValueError: no such model.
    """
    tables = [_of(table, model) for table in (promises.calibration, promises.operating, promises.conformal)]
    return [_calibration(tables[0], model), _alarms(tables[1]), _verdicts(tables[2], error_rate)]


def _of(table: pd.DataFrame, model: str) -> pd.DataFrame:
    rows = table[table["model"] == model]
    if rows.empty:
        raise ValueError(f"model: expected one of {', '.join(table['model'].unique())}; came {model!r}. Choose one of them.")
    level = "video" if (rows["level"] == "video").any() else "frame"
    return rows[(rows["level"] == level) & (rows["seed"] == rows["seed"].iloc[0])]


def _level(row: pd.Series) -> str:
    """Whether a row is about crops or clips, and how these are scored."""
    return by_clip(row["aggregator"], row["frames_per_clip"]) if row["level"] == "video" else "by crop"


def _calibration(rows: pd.DataFrame, model: str) -> str:
    before, after = rows[rows["method"] == "none"].iloc[0], rows[rows["chosen"]].iloc[0]
    about = f"{model}'s p_fake {_level(before)}"
    if after["method"] == "none":
        why = "no calibration did better on calib" if pd.notna(after["calib_log_loss"]) else "calib has too few groups to calibrate it"
        return f"{about} is taken as it comes, for {why}: log loss {share(before['log_loss'])}, ECE {share(before['ece'])} on test."
    low, high = after["log_loss_change_low"], after["log_loss_change_high"]
    change = between(after["log_loss_change"], low, high, sign=True)
    said = f"{after['method']} calibration, chosen on calib, changes the log loss on test by {change} and the ECE "
    said += f"from {share(before['ece'])} to {share(after['ece'])}"
    if high < 0:
        return f"{about} cannot be taken at its word as it comes: {said}."
    if low > 0:
        return f"{about} is not mended by calibration: {said}, a real loss."
    return f"{about} may be taken at its word or not, test is too small to tell: {said}, which could be chance."


def _alarms(rows: pd.DataFrame) -> str:
    fixed = rows[rows["promised"].notna() & rows["available"].astype(bool) & rows["precision_1_in_1000"].notna()]
    if fixed.empty:
        reals = f"{count(rows['reals_calib'].iloc[0], 'real')} in calib and {count(rows['reals'].iloc[0])} in test"
        told = "How far an alarm can be trusted where fakes are rare"
        return f"{told} is not available: {reals} are too few to fix a false alarm rate and measure it."
    row = fixed.sort_values("promised").iloc[0]
    alarms = between(row["false_alarm_rate"], row["false_alarm_rate_low"], row["false_alarm_rate_high"])
    recall = between(row["recall"], row["recall_low"], row["recall_high"])
    right, low, high = (percent(row[f"precision_1_in_1000{end}"], 1) for end in ("", "_low", "_high"))
    return (
        f"At the threshold for {percent(row['promised'])} false alarms, {_level(row)}, {alarms} of the reals of test are called fake and "
        f"{recall} of the fakes; where 1 {'clip' if row['level'] == 'video' else 'crop'} in 1,000 is fake, {right} of the alarms would be "
        f"right ({low} to {high})."
    )


def _verdicts(rows: pd.DataFrame, error_rate: float) -> str:
    row = rows.loc[(rows["promised"] - error_rate).abs().idxmin()]
    if row["available"]:
        return _kept(row)
    there = f"{count(row['groups_real'], 'group')} with reals and {count(row['groups_fake'])} with fakes"
    said = f"{_promise(row)} are not available: calib has {there}, {count(row['groups_needed'])} of each are needed."
    coarser = rows[rows["available"].astype(bool) & (rows["promised"] > error_rate)].sort_values("promised")
    return said if coarser.empty else f"{said} {_kept(coarser.iloc[0])}"


def _promise(row: pd.Series) -> str:
    return f"Verdicts that promise at most {percent(row['promised'])} errors in each class, {_level(row)},"


def _kept(row: pd.Series) -> str:
    real, fake = (between(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("error_real", "error_fake"))
    above = any(row[name] > row["promised"] for name in ("error_real", "error_fake"))
    surely = any(_is_broken(row, label) for label in ("real", "fake"))
    judged = "more than promised" if surely else "more than promised, which could be chance" if above else "as promised"
    said = f"{_promise(row)} erred on {real} of reals and {fake} of fakes of test, {judged}"
    return f"{said}; {percent(row['unsure'])} of the verdicts are UNSURE."


def _is_broken(row: pd.Series, label: str) -> bool:
    """Whether more errors came than the promise lets expect.

    It holds on average over what calib might have been: given one calib of n groups of a class, errors in new
    groups follow a beta distribution around it, with a variance of about rate (1 - rate) / n (Vovk 2012, "Conditional
    validity of inductive conformal predictors"). So calib's luck is added to that of test.
    """
    error, rate = row[f"error_{label}"], row["promised"]
    of_calib = Z * math.sqrt(rate * (1 - rate) / row[f"groups_{label}"])
    return error - math.hypot(error - row[f"error_{label}_low"], of_calib) > rate
