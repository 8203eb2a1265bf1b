"""What draws a search's trials: KerasTuner's oracles, made to outlive a kill and to begin with the recipe."""

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dfd_lib.experiment import Tune
from dfd_lib.paths import whole

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # KerasTuner's own
    import keras_tuner

DONE = "COMPLETED"


class _Lasting:
    """A record that appears whole, and forgets nothing but what was never drawn."""

    tell: Callable[[keras_tuner.Oracle], None] = staticmethod(lambda oracle: None)
    """Called when a trial has ended."""

    def save(self) -> None:
        with whole(self._get_oracle_fname()) as beside:
            beside.write_text(json.dumps(self.get_state()))

    def _save_trial(self, trial: Any) -> None:
        with whole(f"{self._get_trial_dir(trial.trial_id)}/trial.json") as beside:
            beside.write_text(json.dumps(trial.get_state()))

    def reload(self) -> None:
        """Take up the record; what was not completed is run again.

        A kill may fall between a trial's file and the record of it. Such a trial is
        drawn again, with the same values; kept, it would shift all later draws.
        """
        super().reload()
        self.trials = {name: trial for name, trial in self.trials.items() if name in self.start_order}
        self._retry_queue = sorted((name for name, trial in self.trials.items() if trial.status != DONE), reverse=True)  # the last is next

    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        self.tell(self)


class _RecipeFirst:
    """The first trial is the recipe as it stands, so that a search never ends below it."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.trials:
            return super().populate_space(trial_id)
        return {"status": "RUNNING", "values": {one.name: one.default for one in self.hyperparameters.space}}


class _Random(_Lasting, _RecipeFirst, keras_tuner.oracles.RandomSearchOracle):
    pass


class _BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """Its draws depend on the seed and the trials before, not on how often the search was interrupted."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        from sklearn.exceptions import ConvergenceWarning

        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of so few trials the length scale is anybody's guess
            return super().populate_space(trial_id)


class _Bayesian(_Lasting, _RecipeFirst, _BayesianOracle):
    pass


class _Hyperband(_Lasting, keras_tuner.oracles.HyperbandOracle):
    pass


def oracle_of(rule: Tune, space: keras_tuner.HyperParameters, epochs: int) -> keras_tuner.Oracle:
    """The oracle of a strategy.

    Args:
        rule: strategy, number of trials and seed.
        space: what is drawn from.
        epochs: the most that Hyperband may give a trial.
    """
    shared = {"objective": keras_tuner.Objective("val_auc", "max"), "hyperparameters": space, "seed": rule.seed}
    shared |= {"allow_new_entries": False, "tune_new_entries": False}
    shared |= {"max_consecutive_failed_trials": 10_000}  # settings that cannot be built are told in the table
    if rule.strategy == "hyperband":
        return _Hyperband(max_epochs=epochs, **shared)
    if rule.strategy == "bayesian":
        # KerasTuner's own number is three times the size of the space: more than most searches have trials
        return _Bayesian(max_trials=rule.trials, num_initial_points=max(3, rule.trials // 3), **shared)
    return _Random(max_trials=rule.trials, **shared)
