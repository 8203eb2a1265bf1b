"""Train one model with one seed, resume it after a kill, and predict.

A run's folder holds, in the order in which they appear:

* `state.npz`           all weights, optimizer slots and history after the last epoch
* `best.weights.h5`     the weights of the epoch with the best validation AUC
* `history.csv`         one row an epoch
* `predictions.parquet` p_fake of every crop of val, calib and test, or of every person of their clips
* `crops.json`          how the crops were cut, see `dfd_lib.data.origins`
* `run.json`            what ran; written last, so a run with it is complete
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfd_lib.data.origins import COPY, keep_origin
from dfd_lib.data.pixels import load_pixels, training_batches
from dfd_lib.experiment import Model
from dfd_lib.models.blocks import side_of
from dfd_lib.paths import whole
from dfd_lib.tables import write_table
from dfd_lib.training.averages import Averages
from dfd_lib.training.clock import Clock
from dfd_lib.training.devices import strategy
from dfd_lib.training.examples import Examples, examples_of
from dfd_lib.training.objective import compiled
from dfd_lib.training.predict import p_fake, predictions_of, table_of_scores
from dfd_lib.training.runs import Run, facts_of, fingerprint, is_complete, read_run
from dfd_lib.training.sources import Source, source
from dfd_lib.training.state import Recorder, load_state
from dfd_lib.training.targets import shown
from dfd_lib.training.update_bn import some_batches
from dfd_lib.training.warmup import warm_up

if TYPE_CHECKING:
    import keras


def fit(
    manifest: pd.DataFrame,
    root: Path,
    config: Model,
    *,
    name: str,
    seed: int,
    out: Path,
    verbose: int = 2,
    parts: Sequence[str] = ("val", "calib", "test"),
    stop: Callable[[list[dict]], bool] | None = None,
    judge: Callable[[pd.DataFrame], float] | None = None,
) -> Run:
    """Train one model with one seed on a split manifest.

    Started again after any interruption, it goes on after the last finished
    epoch; a complete run with the same recipe and data is returned as it is.

    Args:
        manifest: with `split` filled; `train` fits, `val` chooses the epoch.
        root: the folder that holds the crops.
        config: model and training settings.
        name: the model's name in the tables.
        seed: of weights, shuffling, augmentation and dropout.
        out: the run's folder.
        verbose: 0 is silent, 2 prints a line an epoch.
        parts: which parts are scored at the end.
        stop: given the history after each epoch, says whether to stop.
        judge: from the predictions for val to the AUC that chooses the epoch; default: of crops, or of clips where the model takes clips.

    Returns:
        The run, with predictions for `parts`.

    Raises:
        ValueError: `train` or `val` lacks a class, or the model refuses its settings.
    """
    _check_parts(manifest)
    if config.soup:
        raise ValueError(f"model {name!r}: expected one that is trained, came a soup of {', '.join(config.soup)}. Choose another model.")
    key = fingerprint(manifest, root, config, seed)
    if is_complete(out, key):
        keep_origin(out, root)
        return read_run(out)
    (out / COPY).unlink(missing_ok=True)  # of another training
    clock = Clock()  # before crops are decoded and features computed, which for a frozen base is nearly all of the work
    with strategy().scope():
        model, data = _prepare(manifest, root, config, seed)
    examples = examples_of(model, manifest, config.order, seed)
    history = _train(model, data, examples, config, seed, out, key, verbose, stop, judge, clock)
    return finish(model, data, examples, history, config, name=name, seed=seed, out=out, root=root, key=key, parts=parts)


def finish(
    model: "keras.Model",
    data: Source,
    examples: Examples,
    history: pd.DataFrame,
    config: Model,
    *,
    name: str,
    seed: int,
    out: Path,
    root: Path,
    key: str,
    parts: Sequence[str],
) -> Run:
    """Score the parts with the best weights and write all that a finished run has; run.json last."""
    with whole(out / "history.csv") as beside:
        history.to_csv(beside, index=False)
    model.load_weights(out / "best.weights.h5")
    predictions = predictions_of(data.network, examples.of(*parts), data.scored, name=name, seed=seed)
    write_table(predictions, out / "predictions.parquet")
    facts = facts_of(model, config, name, seed, history, key, rows=int((examples.of("train").rows >= 0).sum()))
    keep_origin(out, root)
    with whole(out / "run.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    (out / "state.npz").unlink(missing_ok=True)
    return read_run(out)


def _check_parts(manifest: pd.DataFrame) -> None:
    for part in ("train", "val"):
        present = set(manifest.loc[manifest["split"] == part, "label"])
        if present != {0, 1}:
            raise ValueError(f"split: expected real and fake crops in {part!r}, came labels {sorted(present)}. Split the manifest again.")


def _prepare(manifest: pd.DataFrame, root: Path, config: Model, seed: int) -> tuple["keras.Model", Source]:
    import keras
    import tensorflow as tf

    from dfd_lib.models.registry import build

    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(config.precision)
    try:
        model = build(config.model, image_size=config.image_size, weights=config.weights, **config.hyper)
    finally:
        keras.config.set_dtype_policy("float32")
    pixels = load_pixels(manifest, root, side_of(model))
    return model, source(model, pixels, np.flatnonzero(manifest["split"] == "train"), config)


def _train(
    model, data: Source, examples: Examples, config: Model, seed: int, out: Path, key: str, verbose: int, stop, judge, clock: Clock
) -> pd.DataFrame:
    table, rows, *_ = examples.of("train")
    each = shown(rows, table["label"].to_numpy(), config, examples.taught)
    steps = max(1, len(each.rows) // config.batch_size)
    with strategy().scope():
        trained = compiled(data.network, config, steps * config.epochs)
    history = load_state(trained, out, key)
    if config.frozen_epochs and not history:
        warm_up(model, data.scored, each, config, seed)
    validator = _validator(data, examples.of("val"), config, judge)
    alike = config.model_copy(update={"augment": data.augment})
    averages = Averages(trained, some_batches(data.versions, each, alike, seed) if config.averaged else ())
    how = {"score_val": validator, "patience": config.patience, "stop": stop, "averages": averages, "clock": clock}
    recorder = Recorder(model, out, key, history, **how)
    recorder.keep_best()  # of the last epoch before a kill, which may have fallen between its state and its weights
    if len(history) < config.epochs and not recorder.has_stopped():
        epochs = range(len(history), config.epochs)
        how = {"batch_size": config.batch_size, "epochs": epochs, "seed": seed, "augment": data.augment}
        batches = training_batches(data.versions, each.rows, each.labels, weights=each.weights, blended=each.blended, **how)
        trained.fit(
            batches,
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=[recorder],
            verbose=verbose,
        )
    return pd.DataFrame(recorder.history)


def _validator(data: Source, examples: Examples, config: Model, judge: Callable[[pd.DataFrame], float] | None):
    """A function that scores the validation part: (loss, AUC)."""
    from sklearn.metrics import log_loss, roc_auc_score

    labels = examples.table["label"].to_numpy()

    def score() -> tuple[float, float]:
        scores = p_fake(data.network, data.scored, examples.rows)
        if not np.isfinite(scores).all():
            came = "training diverged, its scores are no numbers any more"
            raise ValueError(f"{config.model}: {came}. Lower learning_rate, now {config.learning_rate:g}.")
        loss = np.mean((labels - scores) ** 2) if config.loss == "mean_squared_error" else log_loss(labels, scores)
        auc = roc_auc_score(labels, scores) if judge is None else judge(table_of_scores(examples, scores, name=config.model, seed=0))
        return float(loss), float(auc)

    return score
