"""Search a model's hyper-parameters with KerasTuner; validation judges, by video.

A search's folder holds

* `<key>/search/`     KerasTuner's own state: which trials were drawn, which are done
* `<key>/trials/<n>/` each trial's training run, one a fold; of its weights nothing is kept
* `trials.csv`        one row a trial: what was drawn and how it scored; written after each
* `best.json`         the best trial's settings; written last, so a search with it is complete

Stopped at any moment and started again it goes on: finished trials are kept, a
trial that was at work continues after its last epoch, one that failed is tried
again. Asked for more trials than it has, it goes on too.

Several processes share one search when KerasTuner's own environment variables
are set: `KERASTUNER_TUNER_ID` (`chief`, `tuner0`, `tuner1`, ...),
`KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT`. All see the same folder; the
chief draws and keeps the record, the others train.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfd_lib.experiment import Model
from dfd_lib.formats import share
from dfd_lib.paths import whole
from dfd_lib.tables import read_table, write_table
from dfd_lib.training.fit import fit
from dfd_lib.training.runs import fingerprint
from dfd_lib.training.space import draw, is_fixed, most_epochs, searched
from dfd_lib.training.trials import MedianRule, folds_of, last_line, tell_failure, trials_of, video_auc

if TYPE_CHECKING:
    import keras_tuner

TUNED = ("learning_rate", "optimizer", "augment", "hyper")
"""The settings that a search decides."""


@dataclass(frozen=True)
class Search:
    """A search that is to be run or gone on with."""

    config: Model
    name: str
    out: Path
    key: str
    root: Path
    parts: list[pd.DataFrame]
    aggregator: str
    tell: Callable[[str], Any]

    def score(self, trial: "keras_tuner.engine.trial.Trial") -> float:
        """Train a trial, or what is left of it: its AUC by video, the mean over the folds."""
        import keras

        rule, scores = self.config.tune, []
        settings, seed = draw(trial.hyperparameters.copy(), self.config), rule.seed + int(trial.trial_id)
        stops = rule.stop_poor and rule.strategy != "hyperband"
        for fold, part in enumerate(self.parts):
            keras.backend.clear_session()
            folder = self.trials / f"{trial.trial_id}-{fold}"
            stop = MedianRule(folder, fold, rule.grace) if stops else None
            how = {"verbose": 0, "parts": ("val",), "stop": stop, "judge": self.judge}
            run = fit(part, self.root, settings, name=self.name, seed=seed, out=folder, **how)
            (folder / "best.weights.h5").unlink(missing_ok=True)  # megabytes each, and nobody asks for them again
            scores.append(self.judge(run.predictions))
        return float(np.mean(scores))

    def judge(self, predictions: pd.DataFrame) -> float:
        """The AUC by video: it chooses the epoch, stops the poor and ranks the trials."""
        return video_auc(predictions, self.aggregator)

    @property
    def trials(self) -> Path:
        """Where the trials are trained."""
        return self.out / self.key / "trials"

    def record(self, oracle: "keras_tuner.Oracle") -> pd.DataFrame:
        """Write the trials so far, best first."""
        table = trials_of(oracle, self.trials)
        write_table(table, self.out / "trials.csv")
        return table

    def is_complete(self) -> bool:
        """Whether as many trials were made as are asked for."""
        path = self.out / "best.json"
        found = json.loads(path.read_text()) if path.is_file() else {}
        return found.get("key") == self.key and found["asked"] >= self.config.tune.trials


def tune(
    manifest: pd.DataFrame,
    root: Path,
    config: Model,
    *,
    name: str,
    out: Path,
    aggregator: str = "mean",
    tell: Callable[[str], Any] = lambda line: None,
) -> pd.DataFrame:
    """Search, or go on with a search.

    Args:
        manifest: with `split` filled; only `train` and `val` are looked at.
        root: the folder that holds the crops.
        config: model, training settings (the defaults of what is searched) and
            `tune`. What `hyper` names stays as it is.
        name: the model's name in the tables.
        out: the search's folder.
        aggregator: how the frames of a clip become one score.
        tell: takes a line of words after each trial.

    Returns:
        The trials, best first: trial, val_auc (by video), status, seconds,
        epochs, stopped, message, and a column for each value that was drawn. A
        worker of a search that is shared gets an empty table: its chief has the record.

    Raises:
        ValueError: no trial could be trained; or a recipe without `tune`.
    """
    if config.tune is None:
        raise ValueError(f"model {name!r}: expected `tune` in the recipe, found none. Add, for instance, `tune: {{trials: 20}}`.")
    manifest = manifest[manifest["split"].isin(["train", "val"])].reset_index(drop=True)
    key = _key(manifest, root, config, aggregator)
    search = Search(config, name, out, key, root, folds_of(manifest, config.tune), aggregator, tell)
    with contextlib.nullcontext() if _is_worker() else _alone(out / key):
        if search.is_complete():
            return read_table(out / "trials.csv")
        oracle = _run(search)
        return pd.DataFrame() if _is_worker() else _finish(search, oracle)


def tuned(config: Model, folder: Path) -> Model:
    """The settings of a finished search's best trial.

    Args:
        config: the model as the recipe has it.
        folder: what `tune` was given as `out`.

    Raises:
        FileNotFoundError: the search is not finished.
        ValueError: it was for other settings.
    """
    path = folder / "best.json"
    if not path.is_file():
        raise FileNotFoundError(f"search {folder}: expected best.json, found none. Search first (`dfd tune`, or `dfd report`).")
    best = json.loads(path.read_text())
    if best["recipe"] != _asked(config):
        raise ValueError(f"search {folder}: expected one of this recipe, came one of other settings. Search again (`dfd tune`).")
    return Model(**{**config.model_dump(), **best["settings"], "tune": None})


def _asked(config: Model) -> dict:
    """What a search was asked, but for the number of trials, so that it can be asked for more."""
    recipe = config.model_dump(mode="json", exclude_defaults=True)
    return recipe | {"tune": {name: value for name, value in recipe.get("tune", {}).items() if name != "trials"}}


def _key(manifest: pd.DataFrame, root: Path, config: Model, aggregator: str) -> str:
    """What decides a search: the data, the recipe, and the space that this version of the code has."""
    asked = [fingerprint(manifest, root, config, 0), _asked(config), aggregator, searched(config).get_config()]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _is_worker() -> bool:
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "chief")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process leads this search."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however it ends
        yield


def _run(search: Search) -> "keras_tuner.Oracle":
    """Let KerasTuner draw and remember; a trial is an ordinary training run of ours."""
    from dfd_lib.training.oracle import keras_tuner, oracle_of

    class Tuner(keras_tuner.engine.base_tuner.BaseTuner):
        def run_trial(self, trial: Any) -> dict[str, float]:
            trial.message = None  # of a failure before
            try:
                score = search.score(trial)
            except Exception as error:
                tell_failure(search.trials, trial.trial_id, error)
                raise
            if _is_worker():
                search.tell(f"trial {int(trial.trial_id) + 1}: AUC {share(score)} on val")
            return {"val_auc": score}

    folder, config = search.out / search.key, search.config
    folder.mkdir(parents=True, exist_ok=True)
    oracle = oracle_of(config.tune, searched(config), most_epochs(config))
    oracle.verbose = 0
    oracle.tell = lambda oracle: search.tell(last_line(search.record(oracle), oracle))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it says where it reloads from
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
        tuner = Tuner(oracle, directory=str(folder), project_name="search")
        if (folder / "search" / "oracle.json").is_file() and not _is_worker():
            oracle.reload()  # by itself it reloads only what a process of the same name has left
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
        tuner.search()
    return oracle


def _finish(search: Search, oracle: "keras_tuner.Oracle") -> pd.DataFrame:
    table = search.record(oracle)
    if table["val_auc"].isna().all():
        last = table["message"].iloc[-1]
        raise ValueError(f"tune {search.name}: expected a trial that could be trained, came none of {len(table)}; the last said: {last}")
    best = table.iloc[0]
    (trial,) = (one for one in oracle.trials.values() if int(one.trial_id) + 1 == best["trial"])
    settings = draw(trial.hyperparameters.copy(), search.config).model_dump(include=set(TUNED))
    space = [one for one in oracle.get_space().space if not is_fixed(one)]
    facts = {
        "key": search.key,
        "asked": search.config.tune.trials,
        "recipe": _asked(search.config),
        "trials": len(table),
        "trial": int(best["trial"]),
        "val_auc": float(best["val_auc"]),
        "defaults": {one.name: one.default for one in space},
        "drawn": {one.name: trial.hyperparameters.values[one.name] for one in space},
        "settings": settings,
    }
    with whole(search.out / "best.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    return table
