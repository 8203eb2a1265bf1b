"""Train one model with one seed, resume it after a kill, and predict.

A run's folder holds, in the order in which they appear:

* `state.npz`           all weights, optimizer slots and history after the last epoch
* `best.weights.h5`     the weights of the epoch with the best validation AUC
* `history.csv`         one row an epoch
* `predictions.parquet` p_fake of every crop of val, calib and test
* `run.json`            what ran; written last, so a run with it is complete
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfd_lib.data.pixels import load_pixels, ordered_batches, training_batches
from dfd_lib.experiment import Model
from dfd_lib.paths import whole
from dfd_lib.tables import check_predictions, read_table, write_table
from dfd_lib.training.state import Recorder, load_state

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    folder: Path
    facts: dict
    history: pd.DataFrame
    predictions: pd.DataFrame


def fit(manifest: pd.DataFrame, root: Path, config: Model, *, name: str, seed: int, out: Path, verbose: int = 2) -> Run:
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

    Returns:
        The run, with predictions for `val`, `calib` and `test`.

    Raises:
        ValueError: `train` or `val` lacks a class, or the model refuses its settings.
    """
    _check_parts(manifest)
    key = fingerprint(manifest, config, seed)
    if _is_complete(out, key):
        return read_run(out)
    model, pixels = _prepare(manifest, root, config, seed)
    history = _train(model, pixels, manifest, config, seed, out, key, verbose)
    with whole(out / "history.csv") as beside:
        history.to_csv(beside, index=False)
    model.load_weights(out / "best.weights.h5")
    rows = np.flatnonzero(manifest["split"].isin(["val", "calib", "test"]))
    predictions = predict(model, manifest.iloc[rows], pixels, name=name, seed=seed, rows=rows)
    write_table(predictions, out / "predictions.parquet")
    facts = _facts(model, config, name, seed, history, key, rows=int((manifest["split"] == "train").sum()))
    with whole(out / "run.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    (out / "state.npz").unlink(missing_ok=True)
    return read_run(out)


def read_run(folder: Path) -> Run:
    """Read a finished run from its folder."""
    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"run {folder}: expected run.json, found none. Train it first (`dfd report`).")
    facts = json.loads((folder / "run.json").read_text())
    return Run(folder, facts, read_table(folder / "history.csv"), read_table(folder / "predictions.parquet"))


def predict(
    model: "keras.Model", manifest: pd.DataFrame, pixels: np.ndarray, *, name: str, seed: int = 0, rows: np.ndarray | None = None
) -> pd.DataFrame:
    """Score crops.

    Args:
        model: takes RGB 0..255, gives P(fake).
        manifest: n rows.
        pixels: uint8 (m, size, size, 3).
        name: the model's name in the table.
        seed: the seed in the table; 0 for weights trained elsewhere.
        rows: which row of `pixels` belongs to each of the n rows; default: the same.

    Returns:
        Predictions at level `frame`, condition `clean`, in the manifest's order.
    """
    rows = np.arange(len(manifest)) if rows is None else rows
    table = manifest[["dataset", "split", "path", "video", "face", "frame", "group", "label"]].reset_index(drop=True)
    table = table.assign(model=name, seed=seed, level="frame", condition="clean", p_fake=p_fake(model, pixels, rows))
    return check_predictions(table)


def p_fake(model: "keras.Model", pixels: np.ndarray, rows: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """P(fake) of the given rows, float64 of shape (n,)."""
    step = _scoring_step(model)
    return np.concatenate([step(batch).numpy() for batch in ordered_batches(pixels, rows, batch_size)])[:, 0].astype(np.float64)


@lru_cache(maxsize=1)
def _scoring_step(model: "keras.Model"):
    """One traced graph for every batch size and epoch: half again as fast as `model.predict` on small networks."""
    import tensorflow as tf

    return tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec(model.input_shape, tf.uint8)])


def fingerprint(manifest: pd.DataFrame, config: Model, seed: int) -> str:
    """What a run depends on, as a short hash: settings, seed and the split manifest."""
    digest = hashlib.sha256(json.dumps([config.model_dump(), seed], sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(manifest[["path", "label", "split"]], index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def class_weights(labels: np.ndarray) -> np.ndarray:
    """A weight for each label so that both classes weigh the same and the mean is 1.

    Example:
        >>> class_weights(np.array([0, 1, 1, 1])).round(3).tolist()
        [2.0, 0.667, 0.667, 0.667]
    """
    counts = np.bincount(labels, minlength=2)
    return (len(labels) / (2 * counts))[labels]


def compiled(model: "keras.Model", config: Model, steps: int) -> "keras.Model":
    """A model of the same layers with optimizer and loss; `steps` is the number of updates in the whole run.

    The model itself stays without an optimizer, so that its saved weights are only weights.
    """
    import keras

    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimizer = keras.optimizers.get({"class_name": config.optimizer, "config": {"learning_rate": rate}})
    trained = keras.Model(model.inputs, model.outputs, name=model.name)
    trained.compile(optimizer=optimizer, loss=config.loss, metrics=[keras.metrics.AUC(name="auc")])
    # left to the first step, this makes TensorFlow trace that step twice: 88 s instead of 45 for InceptionResNetV2 on one core
    trained.optimizer.build(trained.trainable_variables)
    return trained


def _check_parts(manifest: pd.DataFrame) -> None:
    for part in ("train", "val"):
        present = set(manifest.loc[manifest["split"] == part, "label"])
        if present != {0, 1}:
            raise ValueError(f"split: expected real and fake crops in {part!r}, came labels {sorted(present)}. Split the manifest again.")


def _is_complete(out: Path, key: str) -> bool:
    path = out / "run.json"
    return path.is_file() and json.loads(path.read_text()).get("fingerprint") == key


def _prepare(manifest: pd.DataFrame, root: Path, config: Model, seed: int) -> tuple["keras.Model", np.ndarray]:
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
    return model, load_pixels(manifest, root, model.input_shape[1])


def _train(model, pixels, manifest, config: Model, seed: int, out: Path, key: str, verbose: int) -> pd.DataFrame:
    rows = np.flatnonzero(manifest["split"] == "train")
    labels = manifest["label"].to_numpy()
    steps = max(1, len(rows) // config.batch_size)
    trained = compiled(model, config, steps * config.epochs)
    history = load_state(trained, out, key)
    recorder = Recorder(model, out, key, history, score_val=_validator(model, pixels, manifest, config), patience=config.patience)
    if len(history) < config.epochs and not recorder.has_stopped():
        epochs = range(len(history), config.epochs)
        weights = class_weights(labels[rows]) if config.class_weights else np.ones(len(rows))
        batches = training_batches(
            pixels, rows, labels[rows], weights=weights, batch_size=config.batch_size, epochs=epochs, seed=seed, augment=config.augment
        )
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


def _validator(model, pixels, manifest, config: Model):
    """A function that scores the validation part: (loss, AUC)."""
    from sklearn.metrics import log_loss, roc_auc_score

    rows = np.flatnonzero(manifest["split"] == "val")
    labels = manifest["label"].to_numpy()[rows]

    def score() -> tuple[float, float]:
        scores = p_fake(model, pixels, rows)
        loss = log_loss(labels, scores) if config.loss == "binary_crossentropy" else np.mean((labels - scores) ** 2)
        return float(loss), float(roc_auc_score(labels, scores))

    return score


def _facts(model, config: Model, name: str, seed: int, history: pd.DataFrame, key: str, rows: int) -> dict:
    import keras
    import tensorflow as tf

    best = history.loc[history["val_auc"].idxmax()]
    seconds = float(history["seconds"].sum())  # of all sittings, if the run was interrupted
    return {
        "model": name,
        "seed": seed,
        "registry_name": config.model,
        "image_size": model.input_shape[1],
        "parameters": model.count_params(),
        "trainable": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        "epochs": len(history),
        "best_epoch": int(best["epoch"]),
        "val_auc": float(best["val_auc"]),
        "seconds": round(seconds, 1),
        "images_per_second": round(rows * len(history) / max(seconds, 1e-9), 1),
        "stopped": "early" if len(history) < config.epochs else "planned",
        "fingerprint": key,
        "settings": config.model_dump(),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }
