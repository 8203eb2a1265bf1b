"""What a search's trials are trained on, what judges them, when a poor one is stopped, and the table of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfd_lib.data.groups import guest_groups
from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.experiment import Tune
from dfd_lib.formats import duration, share
from dfd_lib.paths import whole
from dfd_lib.tables import read_table
from dfd_lib.training.space import is_fixed

if TYPE_CHECKING:
    import keras_tuner

AFTER = 3
"""So many trials must be finished before a poor one is stopped."""


def folds_of(manifest: pd.DataFrame, rule: Tune) -> list[pd.DataFrame]:
    """The manifests that each trial is trained on.

    Args:
        manifest: rows of `train` and `val`.
        rule: with `folds`, both parts are dealt anew so often, by group and
            stratified by label, each fold being `val` once; swaps between a person who judges and
            one who trains are left out of that fold. With `share`, only so many groups of each `train` stay.

    Raises:
        ValueError: there are too few groups for so many folds.
    """
    if rule.folds is None:
        return [_thinned(manifest, rule)]
    from sklearn.model_selection import StratifiedGroupKFold

    groups = manifest.groupby("label")["group"].nunique().reindex([0, 1], fill_value=0)
    if groups.min() < rule.folds:
        came = f"{groups[0]} with real and {groups[1]} with fake faces"
        raise ValueError(f"folds: expected at least {rule.folds} groups of each class, came {came}. Ask for fewer, or bring more people.")
    dealer = StratifiedGroupKFold(rule.folds, shuffle=True, random_state=rule.seed)
    held = [manifest["group"].iloc[rows].unique() for _, rows in dealer.split(manifest, manifest["label"], manifest["group"])]
    guests = guest_groups(manifest, manifest["group"])
    return [_thinned(_held_out(manifest, guests, groups), rule) for groups in held]


def _held_out(manifest: pd.DataFrame, guests: pd.Series, groups: np.ndarray) -> pd.DataFrame:
    judges, lends = manifest["group"].isin(groups), guests.isin(groups)
    return manifest.assign(split=np.where(judges, "val", "train"))[judges == lends].reset_index(drop=True)


def _thinned(manifest: pd.DataFrame, rule: Tune) -> pd.DataFrame:
    groups = pd.Series(sorted(manifest.loc[manifest["split"] == "train", "group"].unique()))
    kept = groups.sample(frac=rule.share, random_state=rule.seed)
    return manifest[(manifest["split"] == "val") | manifest["group"].isin(kept)].reset_index(drop=True)


def video_auc(predictions: pd.DataFrame, aggregator: str = "mean") -> float:
    """The AUC of a run's validation predictions, by clip."""
    from sklearn.metrics import roc_auc_score

    clips = aggregate(predictions[predictions["split"] == "val"], aggregator)
    return float(roc_auc_score(clips["label"], clips["p_fake"]))


class MedianRule:
    """Stop a trial whose best validation AUC so far is below the median of the finished trials' at the same epoch.

    Golovin et al. (2017), "Google Vizier: A Service for Black-Box Optimization", section 3.2.1.

    Args:
        folder: the trial's own; the other trials' lie beside it.
        fold: which fold; only the same fold of others is looked at.
        grace: epochs that every trial is given: learning rates that begin slowly may end well.
    """

    def __init__(self, folder: Path, fold: int, grace: int = 1) -> None:
        self.grace = grace
        self.others = [path for path in folder.parent.glob(f"*-{fold}/history.csv") if path.parent != folder]

    def __call__(self, history: list[dict]) -> bool:
        """Whether to stop after these epochs."""
        epoch = len(history)
        if epoch < self.grace:
            return False
        reached = [table["val_auc"][:epoch].max() for table in map(read_table, self.others) if len(table) >= epoch]
        return len(reached) >= AFTER and max(row["val_auc"] for row in history) < np.median(reached)


def trials_of(oracle: "keras_tuner.Oracle", folder: Path) -> pd.DataFrame:
    """The trials so far, best first; the columns are told by `dfd_lib.training.tune.tune`.

    Args:
        oracle: has drawn them and knows their scores.
        folder: where they were trained.
    """
    drawn = [one.name for one in oracle.get_space().space if not is_fixed(one)]
    rows = [_row(trial, folder, drawn) for trial in oracle.trials.values()]
    return pd.DataFrame(rows).sort_values(["val_auc", "trial"], ascending=[False, True], ignore_index=True)


def last_line(table: pd.DataFrame, oracle: "keras_tuner.Oracle") -> str:
    """What the trial that ended last came to, in words."""
    row = table[table["trial"] == int(oracle.end_order[-1]) + 1].iloc[0]
    number = f"trial {row['trial']}" + (f" of {oracle.max_trials}" if oracle.max_trials else "")
    if row["status"] != "completed":
        return f"{number} failed: {row['message']}"
    best = table.iloc[0]
    early = ", stopped early" if row["stopped"] == "early" else ""
    said = f"{number}: AUC {share(row['val_auc'])} on val after {duration(row['seconds'])}{early}"
    return f"{said}; best so far {share(best['val_auc'])}, trial {best['trial']}"


def tell_failure(folder: Path, trial: str, error: Exception) -> None:
    """Write down why a trial failed: what KerasTuner's workers send to their chief has no words."""
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / f"{trial}-failed.txt") as beside:
        beside.write_text(f"{type(error).__name__}: {' '.join(str(error).split())}\n", encoding="utf-8")


def _failure(trial: Any, folder: Path) -> str:
    path = folder / f"{trial.trial_id}-failed.txt"
    if str(trial.status) == "COMPLETED":  # since then it was tried again
        return ""
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ((trial.message or "").strip().splitlines() or [""])[-1]


def _row(trial: Any, folder: Path, drawn: list[str]) -> dict[str, Any]:
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{trial.trial_id}-*/run.json"))]
    return {
        "trial": int(trial.trial_id) + 1,
        "val_auc": np.nan if trial.score is None else trial.score,
        "status": str(trial.status).lower(),
        "seconds": sum(run["seconds"] for run in runs),
        "epochs": sum(run["epochs"] for run in runs),
        "stopped": "early" if any(run["stopped"] == "early" for run in runs) else "planned",
        "message": _failure(trial, folder),
        **{name: trial.hyperparameters.values.get(name) for name in drawn},
    }
